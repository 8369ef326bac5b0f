//! The tails and quantiles agree with those of statrs, which were written by others.

use numerics::tails::{chi_squared_sf, normal_quantile, normal_sf, student_t_two_sided};
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal, StudentsT};

/// The accuracy of statrs in the middle of a distribution.
fn assert_close(got: f64, want: f64) {
    assert!((got - want).abs() <= 1e-9 * want.abs(), "{got} instead of {want}");
}

#[test]
fn normal_tails_and_quantiles() {
    let normal = Normal::standard();
    for z in [-3.0, -0.5, 0.1, 1.0, 2.5] {
        assert_close(normal_sf(z), normal.sf(z));
    }
    for probability in [0.001, 0.025, 0.3, 0.9, 0.995] {
        assert_close(normal_quantile(probability), normal.inverse_cdf(probability));
    }
}

#[test]
fn chi_squared_tails() {
    for df in 1..=12 {
        let chi_squared = ChiSquared::new(df as f64).unwrap();
        for x in [0.2, 1.0, 5.0, 20.0] {
            assert_close(chi_squared_sf(x, df), chi_squared.sf(x));
        }
    }
}

#[test]
fn student_tails() {
    for df in [1.5, 4.0, 30.0] {
        let student = StudentsT::new(0.0, 1.0, df).unwrap();
        for t in [0.3, 1.0, 2.0, 4.0] {
            assert_close(student_t_two_sided(t, df), 2.0 * student.sf(t));
        }
    }
}
