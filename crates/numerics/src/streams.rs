//! Streams of random numbers: what is drawn depends on a seed, a purpose and the number of a
//! replicate, and on nothing else.
//!
//! Replicate `k` draws from stream `k`, so any thread or pod may draw it, in any order. All draws
//! are computed in portable code, so that they have the same bits on every processor.

use crate::elementary::ln;
use crate::tails::normal_quantile;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// The streams of one seed for one purpose.
///
/// The key is SHA-256 of the eight bytes of the seed, lowest first, followed by those of the
/// purpose. Draws of two purposes are thus independent though their seeds are equal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Streams {
    key: [u8; 32],
}

/// One stream: ChaCha with 8 rounds. Bernstein (2008), ChaCha, a variant of Salsa20.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stream {
    generator: ChaCha8Rng,
}

impl Streams {
    /// The streams of a seed for a purpose, such as `"bootstrap"`.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(purpose);
        Self { key: digest.finalize().into() }
    }

    /// The stream of a replicate, from its beginning.
    #[must_use]
    pub fn stream(&self, replicate: u64) -> Stream {
        let mut generator = ChaCha8Rng::from_seed(self.key);
        generator.set_stream(replicate);
        Stream { generator }
    }
}

impl Stream {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// A whole number from 0 to `bound - 1`, each with the same probability; 0 for a bound of 0.
    ///
    /// The high half of `bits * bound`; the few products that would favour some numbers are drawn
    /// anew. Lemire (2019), ACM Trans. Model. Comput. Simul. 29:3.
    pub fn below(&mut self, bound: u64) -> u64 {
        loop {
            let product = u128::from(self.bits()) * u128::from(bound);
            let low = product as u64;
            // 2^64 modulo the bound is below the bound, so the division is rarely needed.
            if low >= bound || low >= bound.wrapping_neg().checked_rem(bound).unwrap_or(0) {
                return (product >> 64) as u64;
            }
        }
    }

    /// The same from 32 bits a draw, for many draws below small bounds.
    #[inline]
    pub fn below_short(&mut self, bound: u32) -> u32 {
        loop {
            let product = u64::from(self.generator.next_u32()) * u64::from(bound);
            let low = product as u32;
            if low >= bound || low >= bound.wrapping_neg().checked_rem(bound).unwrap_or(0) {
                return (product >> 32) as u32;
            }
        }
    }

    /// A number between 0 and 1, never one of them: `(k + 1/2) / 2^52` with `k` from 52 bits.
    pub fn uniform(&mut self) -> f64 {
        // With 53 bits the largest sum would round to 1.
        let k = (self.bits() >> 12) as f64;
        (k + 0.5) / (1u64 << 52) as f64
    }

    /// Whether something of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// An exponential waiting time of mean 1, always positive: minus the logarithm of a uniform.
    pub fn exponential(&mut self) -> f64 {
        -ln(self.uniform())
    }

    /// A standard normal number: the quantile of a uniform.
    pub fn normal(&mut self) -> f64 {
        normal_quantile(self.uniform())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(replicate: u64) -> Stream {
        Streams::new(20_261_123, "simulate").stream(replicate)
    }

    /// Words of an independent ChaCha8 written in Python, with the key from its hashlib.
    #[test]
    fn bits_are_those_of_the_cipher() {
        let first = |mut stream: Stream| [stream.bits(), stream.bits(), stream.bits()];
        assert_eq!(
            first(stream(0)),
            [0x1f22_e62c_c5b4_73f7, 0xfbf2_bb0a_6e01_795b, 0x6ea6_f5b5_603a_0dea]
        );
        assert_eq!(
            first(stream(1 << 40)),
            [0x7319_58a2_b420_6b81, 0x5a48_3e41_0802_27ad, 0x10f9_ad01_c3b4_ed6f]
        );
        assert_eq!(
            first(Streams::new(20_261_123, "bootstrap").stream(0)),
            [0x6642_31bb_dd73_1ff9, 0xdb8b_ee88_0382_38ae, 0x75ae_d169_9e9e_32f7]
        );
        // The ninth word comes from the second block.
        let mut long = stream(0);
        assert_eq!((0..9).map(|_| long.bits()).last(), Some(0x02ff_4167_5fa3_11f5));
    }

    /// From the same words by arbitrary-precision arithmetic (mpmath, 40 digits); the normals are
    /// one unit in the last place off, which is what AS 241 gives.
    #[test]
    fn draws_are_pinned() {
        let three = |draw: fn(&mut Stream) -> f64| {
            let mut stream = stream(0);
            [draw(&mut stream), draw(&mut stream), draw(&mut stream)]
        };
        let expected =
            [0.121_626_268_320_783_27, 0.984_172_525_450_054_1, 0.432_235_104_352_209_13];
        assert_eq!(three(Stream::uniform), expected);
        let expected =
            [2.106_802_310_404_681_5, 0.015_954_066_556_596_923, 0.838_785_615_736_155_7];
        assert_eq!(three(Stream::exponential), expected);
        let expected = [-1.166_895_591_070_327, 2.148_740_843_230_126_7, -0.170_686_588_744_017_7];
        assert_eq!(three(Stream::normal), expected);
        let mut dice = stream(0);
        let thrown: Vec<u64> = (0..9).map(|_| dice.below(6)).collect();
        assert_eq!(thrown, [0, 5, 2, 2, 5, 1, 3, 3, 0]);
        let mut dice = stream(0);
        let thrown: Vec<u32> = (0..9).map(|_| dice.below_short(6)).collect();
        assert_eq!(thrown, [4, 0, 2, 5, 2, 2, 3, 2, 4]);
    }

    /// Of the products with 3·2^62 a quarter is refused. What is left must be even: half of 0 to
    /// 3·2^61, within five standard deviations.
    #[test]
    fn bounded_draws_favour_nobody() {
        let (bound, draws) = (3 << 62, 40_000);
        let mut stream = stream(2);
        let low = (0..draws).filter(|_| stream.below(bound) < bound / 2).count();
        assert!((low as f64 - 20_000.0).abs() < 5.0 * 100.0, "{low}");
        assert_eq!((stream.below(1), stream.below(0)), (0, 0));
    }

    #[test]
    fn uniforms_stay_off_their_ends() {
        let of = |k: u64| (k as f64 + 0.5) / (1u64 << 52) as f64;
        assert!(0.0 < of(0) && of((1 << 52) - 1) < 1.0);
    }

    /// Means and variances of 40000 draws, within five standard errors.
    #[test]
    fn moments_are_right() {
        let moments = |draw: fn(&mut Stream) -> f64| {
            let mut stream = stream(3);
            let draws: Vec<f64> = (0..40_000).map(|_| draw(&mut stream)).collect();
            (crate::sum::mean(&draws).unwrap(), crate::sum::variance(&draws).unwrap())
        };
        for (draw, mean, variance, fourth) in [
            (Stream::uniform as fn(&mut Stream) -> f64, 0.5, 1.0 / 12.0, 1.0 / 80.0),
            (Stream::exponential, 1.0, 1.0, 9.0),
            (Stream::normal, 0.0, 1.0, 3.0),
        ] {
            let (got_mean, got_variance) = moments(draw);
            assert!((got_mean - mean).abs() < 5.0 * (variance / 40_000f64).sqrt(), "{got_mean}");
            let error = ((fourth - variance * variance) / 40_000f64).sqrt();
            assert!((got_variance - variance).abs() < 5.0 * error, "{got_variance}");
        }
    }
}
