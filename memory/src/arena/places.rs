//! Tests of slots and of the places where they lie: apart from them, since a model checker builds those files without
//! their tests. Miri runs these.

mod ring {
    use super::super::ring::*;
    use crate::sync::AtomicU64;

    fn drain(ring: &Ring) -> Vec<u32> {
        std::iter::from_fn(|| ring.pop()).collect()
    }

    #[test]
    fn the_first_pushed_is_the_first_taken() {
        let ring = Ring::new(3);
        assert!(ring.is_empty());
        assert_eq!(ring.pop(), None);
        for lap in 0..10 {
            assert!([lap, 7, 67_108_862].into_iter().all(|number| ring.push(number)));
            assert!(!ring.is_empty());
            assert_eq!(drain(&ring), [lap, 7, 67_108_862]);
        }
    }

    #[test]
    fn a_full_ring_says_so_and_goes_on() {
        let ring = Ring::new(4);
        assert!((0..4).all(|number| ring.push(number)));
        assert!(!ring.push(4));
        assert_eq!(ring.pop(), Some(0));
        assert!(ring.push(5));
        assert!(!ring.push(6));
        assert_eq!(drain(&ring), [1, 2, 3, 5]);
        let smallest = Ring::new(0);
        assert!(smallest.push(3) && smallest.push(4) && !smallest.push(5));
        assert_eq!(drain(&smallest), [3, 4]);
    }

    #[test]
    fn the_flag_survives_pushes_and_pops() {
        let ring = Ring::new(2);
        ring.set_slow();
        assert!(ring.push(1));
        assert!(ring.tail().is_slow());
        assert_eq!(ring.pop(), Some(1));
        assert!(ring.tail().is_slow() && ring.is_empty());
        ring.clear_slow();
        assert!(!ring.tail().is_slow());
    }

    #[test]
    fn a_push_begins_again_after_a_change() {
        let ring = Ring::new(2);
        for change in [Ring::begin_again, Ring::set_slow, Ring::clear_slow] {
            let tail = ring.tail();
            change(&ring);
            assert!(matches!(ring.claim(tail, 0), Claim::Again));
        }
        assert!(ring.is_empty());
    }

    /// Positions and generations run over their ends in step.
    #[test]
    fn counters_wrap() {
        let start = POSITION - 2;
        // position 2⁴⁷ − 3 lies in cell 1
        let cells = [start + 3, start, start + 1, start + 2].map(|position| position & POSITION);
        let ring = Ring {
            head: Line(AtomicU64::new(start)),
            tail: Line(AtomicU64::new((start * POSITION_ONE) | (0xffff << 48))),
            cells: cells.map(|position| AtomicU64::new((position & STAMP) << NUMBER_BITS)).into(),
        };
        ring.begin_again();
        for lap in 0..10 {
            assert!(ring.push(lap) && ring.push(lap + 1));
            assert_eq!(drain(&ring), [lap, lap + 1]);
        }
    }
}

mod stack {
    use super::super::stack::*;
    use crate::sync::Ordering;

    fn drain(stack: &Stack, links: &Links) -> Vec<u32> {
        std::iter::from_fn(|| stack.pop(links)).collect()
    }

    #[test]
    fn the_last_pushed_is_the_first_taken() {
        let (stack, links) = (Stack::new(), Links::new(4));
        assert!(stack.is_empty());
        assert_eq!(stack.pop(&links), None);
        for number in [2, 0, 3] {
            stack.push(&links, number);
        }
        assert!(!stack.is_empty());
        assert_eq!(stack.pop(&links), Some(3));
        stack.push(&links, 1);
        assert_eq!(drain(&stack, &links), [1, 0, 2]);
        assert!(stack.is_empty());
    }

    #[test]
    fn the_mark_survives_pushes_and_pops() {
        let (stack, links) = (Stack::new(), Links::new(2));
        assert!(!stack.push(&links, 0));
        stack.mark();
        assert!(stack.push(&links, 1));
        assert_eq!(drain(&stack, &links), [1, 0]);
        assert!(stack.push(&links, 1));
        stack.unmark();
        assert!(!stack.push(&links, 0));
    }

    /// The tag is what stops a sleeper: taken and given back, the same number lies on top, over something else.
    #[test]
    fn an_old_top_is_not_taken_for_the_present_one() {
        let (stack, links) = (Stack::new(), Links::new(3));
        stack.push(&links, 0);
        stack.push(&links, 1);
        let before = stack.0.load(Ordering::Relaxed);
        assert_eq!(drain(&stack, &links), [1, 0]);
        stack.push(&links, 2);
        stack.push(&links, 1);
        // as the sleeper would: take 1, leave 0
        let after = before & !NONE;
        assert!(stack.0.compare_exchange(before, after, Ordering::AcqRel, Ordering::Relaxed).is_err());
        assert_eq!(drain(&stack, &links), [1, 2]);
    }

    #[test]
    fn the_tag_wraps() {
        let (stack, links) = (Stack::new(), Links::new(1));
        stack.0.fetch_add(u64::MAX << (NUMBER_BITS + 1), Ordering::Relaxed);
        stack.mark();
        assert!(stack.push(&links, 0));
        assert_eq!(drain(&stack, &links), [0]);
    }
}

mod home {
    use std::thread;

    use super::super::home::*;
    use super::super::slab::*;
    use crate::sync::{Arc, AtomicBool, Mutex, Ordering};

    const SLOT: u64 = 4096;

    /// Collects what may not be parked.
    struct Door {
        open: AtomicBool,
        received: Mutex<Vec<Token>>,
    }

    impl Keeper for Door {
        fn keeps(&self) -> bool {
            self.open.load(Ordering::Acquire)
        }

        fn receive(home: &Arc<Home<Self>>, token: Token) {
            home.keeper().received.lock().unwrap().push(token);
        }
    }

    fn home(slots: u64) -> (Arc<Home<Door>>, Tokens) {
        let (slab, tokens) = Slab::new(SLOT, slots * SLOT).unwrap();
        let door = Door { open: AtomicBool::new(true), received: Mutex::default() };
        (Home::new(Arc::new(slab), 2, door), tokens)
    }

    /// Parked slots own the home; they let it go.
    fn close(home: &Arc<Home<Door>>) {
        home.set_slow();
        while let Some(slot) = home.take() {
            let _ = slot.leave();
        }
    }

    #[test]
    fn slots_are_apart_and_zeroed() {
        let (home, tokens) = home(3);
        let mut slots: Vec<_> = tokens.map(|token| home.adopt(token)).collect();
        assert_eq!(slots.len(), 3);
        for (i, slot) in (1_u8..).zip(&mut slots) {
            assert!(slot.len() == 4096 && slot.iter().all(|byte| *byte == 0));
            slot.fill(i);
        }
        for (i, slot) in (1_u8..).zip(&slots) {
            assert!(slot.iter().all(|byte| *byte == i));
        }
        drop(slots);
        close(&home);
    }

    #[test]
    fn each_slot_owns_a_count_wherever_it_is() {
        let (home, mut tokens) = home(3);
        let count = || Arc::strong_count(&home);
        let first = home.adopt(tokens.next().unwrap());
        home.park(tokens.next().unwrap()).unwrap();
        assert_eq!(count(), 3);
        drop(first);
        let slot = home.take().unwrap();
        assert_eq!(count(), 3);
        let (token, counted) = slot.leave();
        assert_eq!(count(), 3);
        drop(counted);
        assert_eq!(count(), 2);
        // the door is shut: the slot's count ends, its token is received
        home.keeper().open.store(false, Ordering::Release);
        drop(home.adopt(token));
        drop(home.take());
        assert_eq!((count(), home.has_parked()), (1, false));
        assert_eq!(home.keeper().received.lock().unwrap().len(), 2);
    }

    #[test]
    fn a_full_home_does_not_park() {
        let (home, tokens) = home(3);
        let slots: Vec<_> = tokens.map(|token| home.adopt(token)).collect();
        drop(slots);
        assert_eq!(home.keeper().received.lock().unwrap().len(), 1);
        let token = home.keeper().received.lock().unwrap().pop().unwrap();
        let token = home.park(token).unwrap_err();
        assert_eq!(Arc::strong_count(&home), 3);
        drop(home.take());
        close(&home);
        drop(home.adopt(token));
        assert_eq!(Arc::strong_count(&home), 1);
    }

    /// Threads take, write and give while the last handle closes the home: it is freed by whoever comes last.
    #[test]
    fn the_last_one_frees_the_home() {
        for _ in 0..if cfg!(miri) { 10 } else { 200 } {
            let (home, tokens) = home(2);
            for token in tokens {
                home.park(token).unwrap();
            }
            let gone = Arc::downgrade(&home);
            let mut out = Vec::new();
            while let Some(slot) = home.take() {
                out.push(slot);
            }
            let threads: Vec<_> = out
                .into_iter()
                .map(|mut slot| {
                    thread::spawn(move || {
                        slot.fill(7);
                        thread::yield_now();
                        assert!(slot.iter().all(|byte| *byte == 7));
                    })
                })
                .collect();
            close(&home);
            drop(home);
            for thread in threads {
                thread.join().unwrap();
            }
            assert!(gone.upgrade().is_none());
        }
    }

    #[test]
    fn threads_pass_slots() {
        let (home, tokens) = home(2);
        for token in tokens {
            home.park(token).unwrap();
        }
        thread::scope(|scope| {
            for id in 1..4_u8 {
                let home = &home;
                scope.spawn(move || {
                    for _ in 0..if cfg!(miri) { 30 } else { 5_000 } {
                        let Some(mut slot) = home.take() else { continue };
                        slot[0] = id;
                        slot[4095] = id;
                        assert_eq!((slot[0], slot[4095]), (id, id));
                    }
                });
            }
        });
        let parked: Vec<_> = std::iter::from_fn(|| home.take()).collect();
        assert_eq!(parked.len(), 2);
        drop(parked);
        close(&home);
    }

    #[test]
    #[should_panic(expected = "a token of another slab")]
    fn a_token_of_another_slab_is_no_right() {
        let (home_a, _) = home(1);
        let (_home_b, mut tokens) = home(1);
        let _ = home_a.adopt(tokens.next().unwrap());
    }

    #[test]
    fn committed_bytes_are_counted_once() {
        let (slab, mut tokens) = Slab::new(SLOT, 2 * SLOT + 1).unwrap();
        assert_eq!((slab.slot_count(), slab.committed_bytes()), (2, 0));
        let (first, second) = (tokens.next().unwrap(), tokens.next().unwrap());
        assert!(tokens.next().is_none());
        slab.commit(&first);
        slab.populate(&first);
        assert_eq!(slab.committed_bytes(), SLOT);
        slab.populate(&second);
        assert!(slab.decommit(&first) && slab.decommit(&first));
        assert_eq!(slab.committed_bytes(), SLOT);
        let stack = TokenStack::new(&slab);
        stack.push(&slab, first);
        stack.push(&slab, second);
        let second = stack.pop(&slab).unwrap();
        let slab = Arc::new(slab);
        let door = Door { open: AtomicBool::new(true), received: Mutex::default() };
        let home = Home::new(Arc::clone(&slab), 1, door);
        let mut slot = home.adopt(second);
        slot[9] = 9;
        let (second, _) = slot.leave();
        assert!(slab.decommit(&second));
        let slot = home.adopt(second);
        assert_eq!(slot[9], 0, "given to the kernel");
        assert_eq!(slab.committed_bytes(), 0);
        drop(slot);
        close(&home);
    }
}
