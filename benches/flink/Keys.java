// Keys in the order they are asked for: the same as benches/state_backends/keys.rs draws.

/** Keys of a distribution, drawn beforehand. */
final class Keys {
    private final long[] drawn;

    /** Uniform: every key once, shuffled. Zipf: by rank to the power of -0.99, ranks scattered over the keys. */
    Keys(int count, boolean zipf) {
        drawn = zipf ? zipf(count) : shuffled(count);
    }

    long at(long call) {
        return drawn[(int) (call % drawn.length)];
    }

    /** Tells sequences of keys apart: our bench prints the same number for the same keys in the same order. */
    long sequence() {
        long sum = 0;
        for (long call = 0; call < 1_000_000; call++) {
            sum = sum * 31 + at(call);
        }
        return sum;
    }

    private static long mix(long number) {
        long z = number + 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    private static long[] shuffled(int count) {
        long[] keys = new long[count];
        for (int at = 0; at < count; at++) {
            keys[at] = at;
        }
        for (int at = count - 1; at >= 1; at--) {
            int other = (int) Long.remainderUnsigned(mix(at), at + 1L);
            long swapped = keys[at];
            keys[at] = keys[other];
            keys[other] = swapped;
        }
        return keys;
    }

    private static long[] zipf(int count) {
        long[] keys = new long[4_000_000];
        double exponent = 1.0 - 0.99;
        double whole = (StrictMath.pow(count + 1.0, exponent) - 1.0) / exponent;
        for (int at = 0; at < keys.length; at++) {
            double part = (double) (mix(at) >>> 11) / (double) (1L << 53) * whole;
            long rank = (long) StrictMath.pow(Math.fma(part, exponent, 1.0), 1.0 / exponent) - 1;
            keys[at] = Long.remainderUnsigned(mix(Math.min(rank, count - 1L) ^ 0x5eed), count);
        }
        return keys;
    }
}
