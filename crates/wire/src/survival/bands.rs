//! Simultaneous confidence bands.

use super::check_time;
use crate::common::{count, counts_from, enum_conversion, reason_from, reason_to};
use crate::pb::survival as pb;
use crate::violation::Violations;
use cohort::{Interval, NotEstimable};
use survival::{Band, BandKind, BandLimits, ConfidenceBand};

/// A band takes a moment to compute and no room to ask for.
const MOST_BANDS: usize = 20;

enum_conversion!(kind_to, kind_from, BandKind, pb::BandKind, None, [HallWellner, EqualPrecision]);

pub(super) fn band_to(band: &Band) -> pb::Band {
    pb::Band { kind: kind_to(band.kind), from_time: band.from, to_time: band.to }
}

/// The bands asked for; what they are must be said.
pub(super) fn bands_from(violations: &mut Violations, path: &str, bands: &[pb::Band]) -> Vec<Band> {
    if bands.len() > MOST_BANDS {
        let message = format!("has {} bands; at most {MOST_BANDS} are allowed", bands.len());
        violations.add(path, message);
        return Vec::new();
    }
    let mut read = Vec::with_capacity(bands.len());
    for (index, band) in bands.iter().enumerate() {
        read.extend(band_from(violations, &format!("{path}[{index}]"), band));
    }
    read
}

fn band_from(violations: &mut Violations, path: &str, band: &pb::Band) -> Option<Band> {
    let kind = kind_from(band.kind).ok_or("must be HALL_WELLNER or EQUAL_PRECISION");
    let kind = violations.check(format!("{path}.kind"), kind);
    let (from, to) = (band.from_time, band.to_time);
    for (name, time) in [("from_time", from), ("to_time", to)] {
        check_time(violations, &format!("{path}.{name}"), time);
    }
    if matches!((from, to), (Some(from), Some(to)) if from > to) {
        violations.add(format!("{path}.to_time"), "lies before from_time");
    }
    Some(Band { kind: kind?, from, to })
}

pub(super) fn confidence_band_to(band: ConfidenceBand) -> pb::ConfidenceBand {
    pb::ConfidenceBand {
        band: Some(band_to(&band.band)),
        reason: band.limits.as_ref().err().map_or(0, |&reason| reason_to(reason)),
        limits: band.limits.ok().map(limits_to),
    }
}

fn limits_to(limits: BandLimits) -> pb::BandLimits {
    let intervals = &limits.interval;
    pb::BandLimits {
        from_time: limits.from,
        to_time: limits.to,
        from_share: limits.share_from,
        to_share: limits.share_to,
        critical_value: limits.critical_value,
        lower_limits: intervals.iter().map(|limit| limit.lower.unwrap_or(0.0)).collect(),
        upper_limits: intervals.iter().map(|limit| limit.upper.unwrap_or(0.0)).collect(),
        undefined_limits: (0..intervals.len())
            .filter(|&index| intervals[index].lower.is_err())
            .map(count)
            .collect(),
        times: limits.time,
    }
}

pub(super) fn confidence_band_from(
    violations: &mut Violations,
    path: &str,
    message: pb::ConfidenceBand,
) -> Option<ConfidenceBand> {
    let band = violations.require(format!("{path}.band"), message.band)?;
    let band = band_from(violations, &format!("{path}.band"), &band)?;
    let limits = match message.limits {
        Some(limits) => Ok(limits_from(violations, &format!("{path}.limits"), limits)?),
        None => Err(reason_from(message.reason).unwrap_or(NotEstimable::NotDefined)),
    };
    Some(ConfidenceBand { band, limits })
}

fn limits_from(
    violations: &mut Violations,
    path: &str,
    limits: pb::BandLimits,
) -> Option<BandLimits> {
    let length = limits.times.len();
    if limits.lower_limits.len() != length || limits.upper_limits.len() != length {
        violations.add(path, "has lists of different lengths");
        return None;
    }
    let pairs = limits.lower_limits.into_iter().zip(limits.upper_limits);
    let mut interval: Vec<Interval> =
        pairs.map(|(lower, upper)| Interval { lower: Ok(lower), upper: Ok(upper) }).collect();
    for index in counts_from(violations, path, limits.undefined_limits)? {
        *interval.get_mut(index)? = Interval::none(NotEstimable::NoEvents);
    }
    Some(BandLimits {
        from: limits.from_time,
        to: limits.to_time,
        share_from: limits.from_share,
        share_to: limits.to_share,
        critical_value: limits.critical_value,
        time: limits.times,
        interval,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The band that arrives is the one that was computed.
    #[test]
    fn bands_come_back() {
        let band = Band { kind: BandKind::HallWellner, from: Some(0.0), to: None };
        let known = |lower, upper| Interval { lower: Ok(lower), upper: Ok(upper) };
        let limits = BandLimits {
            from: 0.0,
            to: 4.0,
            share_from: 0.0,
            share_to: 0.5,
            critical_value: 1.3,
            time: vec![0.0, 3.0],
            interval: vec![Interval::none(NotEstimable::NoEvents), known(0.2, 0.9)],
        };
        for limits in [Ok(limits), Err(NotEstimable::BeyondFollowUp)] {
            let sent = ConfidenceBand { band, limits };
            let mut violations = Violations::default();
            let message = confidence_band_to(sent.clone());
            let read = confidence_band_from(&mut violations, "bands[0]", message);
            assert_eq!(violations.finish(read), Ok(sent));
        }
    }

    #[test]
    fn a_band_that_makes_no_sense_is_named_by_its_fields() {
        let band = |kind, from_time, to_time| pb::Band { kind, from_time, to_time };
        let bands = [band(0, Some(-1.0), None), band(1, Some(3.0), Some(2.0))];
        let mut violations = Violations::default();
        bands_from(&mut violations, "options.bands", &bands);
        bands_from(&mut violations, "many", &vec![band(1, None, None); MOST_BANDS + 1]);
        let malformed = violations.finish(None::<()>).unwrap_err();
        let paths: Vec<_> = malformed.0.iter().map(|field| field.path.as_str()).collect();
        let expected = [
            "options.bands[0].kind",
            "options.bands[0].from_time",
            "options.bands[1].to_time",
            "many",
        ];
        assert_eq!(paths, expected);
    }
}
