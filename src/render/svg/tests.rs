//! Pictures that are well-formed, to scale, and readable.

use proptest::prelude::*;
use roxmltree::{Document, Node};

use super::scene::{Rect, Scene};
use super::*;
use crate::render::Area;
use crate::render::testing::{assert_golden, job_manager_map, samples, task_manager_map};

/// What a reader of the file finds: the rectangle of an area and its bytes.
struct Found {
    area: String,
    bytes: u64,
    rect: Rect,
}

fn number(node: Node<'_, '_>, name: &str) -> f64 {
    node.attribute(name).expect("an attribute").parse().expect("a number")
}

fn areas(svg: &str) -> Vec<Found> {
    let document = Document::parse(svg).expect("well-formed");
    let marked = document.descendants().filter(|node| node.has_attribute("data-area"));
    marked
        .map(|node| Found {
            area: node.attribute("data-area").expect("an id").to_owned(),
            bytes: node.attribute("data-bytes").expect("bytes").parse().expect("a number"),
            rect: Rect {
                x: number(node, "x"),
                y: number(node, "y"),
                width: number(node, "width"),
                height: number(node, "height"),
            },
        })
        .collect()
}

fn overlap(a: Rect, b: Rect) -> bool {
    a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom()
}

/// Everything is inside the picture, and no text lies over another, over an area's colour or over the load line.
fn check_texts(scene: &Scene) -> Result<(), TestCaseError> {
    let texts: Vec<_> = scene.texts.iter().map(|text| (text.bounds(), &text.text)).collect();
    for (i, (a, text)) in texts.iter().enumerate() {
        prop_assert!(
            a.x >= 0.0 && a.right() <= scene.width && a.y >= 0.0 && a.bottom() <= scene.height,
            "{text}"
        );
        for (b, other) in texts.iter().skip(i + 1) {
            prop_assert!(!overlap(*a, *b), "{text:?} over {other:?}");
        }
        for cell in scene.cells.iter().filter(|cell| !cell.fill.starts_with("g-")) {
            prop_assert!(!overlap(*a, cell.rect), "{text:?} over {}", cell.id);
        }
        if let Some(mark) = &scene.limit {
            let line = Rect { x: mark.left, y: mark.y - 1.0, width: mark.right - mark.left, height: 2.0 };
            prop_assert!(!overlap(*a, line), "{text:?} over the load line");
        }
    }
    for (i, (swatch, _)) in scene.swatches.iter().enumerate() {
        let free = scene.swatches.iter().skip(i + 1).all(|(other, _)| !overlap(*swatch, *other));
        prop_assert!(free && texts.iter().all(|(text, _)| !overlap(*swatch, *text)));
    }
    Ok(())
}

/// Areas are true to the byte: all equally wide, heights in one ratio, parts beside their whole and filling it.
fn check_areas(map: &MemoryMap, svg: &str) -> Result<(), TestCaseError> {
    let found = areas(svg);
    let of = |area: &Area| found.iter().find(|f| f.area == area.id && f.bytes == area.bytes).expect("drawn");
    let whole = of(&map.root).rect;
    for (_, _, area) in map.root.walk() {
        let rect = of(area).rect;
        let share = crate::render::number::ratio(area.bytes, map.root.bytes);
        prop_assert!((rect.width - whole.width).abs() < 0.01);
        prop_assert!((rect.height - share * whole.height).abs() < 0.01, "{}: {}", area.id, rect.height);
        let mut top = rect.y;
        for child in &area.children {
            let child = of(child).rect;
            prop_assert!((child.y - top).abs() < 0.01, "no gap in {}", area.id);
            top = child.bottom();
        }
        prop_assert!(area.is_leaf() || (top - rect.bottom()).abs() < 0.05, "{} is filled", area.id);
    }
    Ok(())
}

fn check(map: &MemoryMap, options: &DrawOptions) -> Result<(), TestCaseError> {
    check_texts(&layout::scene(map, options))?;
    check_areas(map, &draw(map, options))
}

/// Sizes of all orders of magnitude, and zero.
fn size() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), (0u32..58, 0u64..1024).prop_map(|(shift, n)| (n << shift) & ((1 << 59) - 1))]
}

fn any_map() -> impl Strategy<Value = MemoryMap> {
    let task_manager = proptest::array::uniform8(size()).prop_map(|sizes| {
        let [fh, th, fo, to, network, managed, metaspace, overhead] = sizes;
        task_manager_map(&format!(
            "framework.heap.size: {fh}, task.heap.size: {th}, framework.off-heap.size: {fo}, task.off-heap.size: {to}, \
             network.min: {network}, network.max: {network}, managed.size: {managed}, jvm-metaspace.size: {metaspace}, \
             jvm-overhead.min: {overhead}, jvm-overhead.max: {overhead}"
        ))
    });
    let job_manager = (proptest::array::uniform4(size()), any::<bool>()).prop_map(|(sizes, limited)| {
        let [heap, off_heap, metaspace, overhead] = sizes;
        job_manager_map(&format!(
            "heap.size: {heap}, off-heap.size: {off_heap}, jvm-metaspace.size: {metaspace}, jvm-overhead.min: \
             {overhead}, jvm-overhead.max: {overhead}, enable-jvm-direct-memory-limit: {limited}"
        ))
    });
    prop_oneof![3 => task_manager, 1 => job_manager]
}

fn any_options() -> impl Strategy<Value = DrawOptions> {
    let slots = proptest::option::of(prop_oneof![0u32..40, any::<u32>()]);
    let width = proptest::option::of(prop_oneof![0u32..2500, any::<u32>()]);
    (proptest::option::of(".{0,300}"), width, slots, proptest::option::of(any::<u64>()))
        .prop_map(|(title, width, slots, limit)| DrawOptions { title, width, slots, limit })
}

proptest! {
    #[test]
    fn any_process_is_drawn_true_and_legible(map in any_map(), options in any_options(), near in 0u64..200) {
        check(&map, &options)?;
        // a limit near the process, where the load line is drawn
        let limit = u128::from(map.root.bytes) * u128::from(near) / 100;
        check(&map, &DrawOptions { limit: u64::try_from(limit).ok(), ..options })?;
    }

    #[test]
    fn any_text_is_well_formed(text in any::<String>()) {
        let mut map = task_manager_map("process.size: 1728m");
        map.root.cause.clone_from(&text);
        map.root.brief.clone_from(&text);
        map.root.children[1].brief.clone_from(&text);
        map.root.children[1].cause = text.repeat(3);
        let options = DrawOptions { title: Some(text), ..DrawOptions::default() };
        check(&map, &options)?;
    }
}

#[test]
fn samples_in_all_sizes() {
    for (name, map) in samples() {
        for width in [None, Some(1), Some(640), Some(1280), Some(u32::MAX)] {
            for limit in [None, Some(1), Some(map.root.bytes), Some(map.root.bytes / 2), Some(u64::MAX)] {
                let options = DrawOptions { title: None, width, slots: Some(16), limit };
                check(&map, &options).unwrap_or_else(|error| panic!("{name}, {options:?}: {error}"));
            }
        }
    }
}

#[test]
fn text_alternatives() {
    let svg = draw(&task_manager_map("process.size: 1728m"), &DrawOptions::default());
    let document = Document::parse(&svg).expect("well-formed");
    let root = document.root_element();
    assert_eq!(root.attribute("role"), Some("img"));
    let labels: Vec<&str> = root.attribute("aria-labelledby").expect("labelled").split(' ').collect();
    for label in labels {
        let target =
            document.descendants().find(|node| node.attribute("id") == Some(label)).expect("a target");
        assert!(!target.text().unwrap_or_default().is_empty());
    }
    for node in document.descendants().filter(|node| node.has_attribute("data-area")) {
        assert!(node.first_element_child().is_some_and(|child| child.has_tag_name("title")));
    }
    assert!(!svg.contains("<script") && !svg.contains("href") && !svg.contains("url("));
    // exact numbers can be copied as they stand, gaps and all
    let copied: Vec<String> = document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .map(|node| node.descendants().filter(Node::is_text).filter_map(|t| t.text()).collect())
        .collect();
    assert!(copied.iter().any(|text| text == "402653174"), "{copied:?}");
}

#[test]
fn the_load_line() {
    let map = task_manager_map("process.size: 1728m");
    let mark =
        |limit| layout::scene(&map, &DrawOptions { limit: Some(limit), ..DrawOptions::default() }).limit;
    assert_eq!(mark(2 << 30).expect("drawn").class, "fits");
    assert_eq!(mark(1 << 30).expect("drawn").class, "over");
    assert!(mark(64 << 30).is_none(), "far above: in words only");
    let svg = draw(&map, &DrawOptions { limit: Some(1 << 30), ..DrawOptions::default() });
    assert!(svg.contains("704.0 MiB"));
}

#[test]
fn golden() {
    let options = DrawOptions { slots: Some(4), limit: Some(2 << 30), ..DrawOptions::default() };
    assert_golden("taskmanager.svg", &draw(&task_manager_map("process.size: 1728m"), &options));
}

/// Writes the samples into the directory that `PICTURES` names, to be looked at.
#[test]
fn pictures() {
    let Some(directory) = std::env::var_os("PICTURES").map(std::path::PathBuf::from) else { return };
    for (name, map) in samples() {
        std::fs::write(directory.join(format!("{name}.svg")), draw(&map, &DrawOptions::default()))
            .expect("written");
    }
    let map = task_manager_map("process.size: 1728m");
    let plain = DrawOptions::default();
    let mut odd = map.clone();
    odd.root.brief =
        "set at /日本語/設定 & <ファイル>/a/long/path/that/never/ends/flink-conf.yaml:1234567:34".to_owned();
    let title = Some("A title that is far too long to stand in one line, but somebody wrote it. ".repeat(3));
    let options = DrawOptions { title, ..plain.clone() };
    std::fs::write(directory.join("odd.svg"), draw(&odd, &options)).expect("written");
    for (name, options) in [
        ("slots16", DrawOptions { slots: Some(16), ..plain.clone() }),
        ("limit-free", DrawOptions { limit: Some(2 << 30), slots: Some(4), ..plain.clone() }),
        ("limit-over", DrawOptions { limit: Some(1 << 30), ..plain.clone() }),
        ("limit-far", DrawOptions { limit: Some(64 << 30), width: Some(400), ..plain.clone() }),
        (
            "wide",
            DrawOptions { width: Some(1800), title: Some("<\"&> \u{1b} Flink 1.20.5".to_owned()), ..plain },
        ),
    ] {
        std::fs::write(directory.join(format!("{name}.svg")), draw(&map, &options)).expect("written");
    }
}
