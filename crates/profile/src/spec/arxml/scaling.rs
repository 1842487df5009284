//! What a signal's raw values mean: base type, computation method, constraints, start value.
//!
//! Not the place of its bits. The network's representation comes before the physical one of the system signal. Scalings other
//! than linear ones and texts are taken as raw values without a range.

use super::super::Encoding;
use super::tree::{all, child, number, own_number, own_text, target, text};
use autosar_data::{Element, ElementName};

/// Meaning of raw values.
#[derive(Clone, Debug)]
pub(super) struct Scaling {
    pub(super) encoding: Encoding,
    pub(super) factor: f64,
    pub(super) offset: f64,
    pub(super) range: Option<(f64, f64)>,
    pub(super) unit: String,
    pub(super) texts: Vec<(i64, String)>,
    /// Raw.
    pub(super) initial: Option<f64>,
}

/// A text for more raw values than this is a name for a range, not for a value.
const TEXT_VALUES_MAX: i64 = 16;

/// Seconds to µs, from one to an hour.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded before the cast")]
pub(super) fn micros(seconds: f64) -> Option<u32> {
    let micros = (seconds * 1e6).round();
    (1.0..=3.6e9).contains(&micros).then_some(micros as u32)
}

#[expect(clippy::cast_possible_truncation, reason = "bounded before the cast")]
fn raw(value: f64) -> Option<i64> {
    (value.abs() < 9e18).then_some(value as i64)
}

fn props(element: &Element, name: ElementName) -> Option<Element> {
    let variants = child(&child(element, name)?, ElementName::SwDataDefPropsVariants)?;
    child(&variants, ElementName::SwDataDefPropsConditional)
}

impl Scaling {
    /// Of an I-signal.
    pub(super) fn of(signal: &Element) -> Self {
        let network = props(signal, ElementName::NetworkRepresentationProps);
        let system = target(signal, ElementName::SystemSignalRef);
        let physical = system.as_ref().and_then(|system| props(system, ElementName::PhysicalProps));
        let find = |name| {
            let of = |props: &Option<Element>| props.as_ref().and_then(|props| target(props, name));
            of(&network).or_else(|| of(&physical))
        };
        let mut scaling = Self {
            encoding: find(ElementName::BaseTypeRef).map_or(Encoding::Unsigned, |base| encoding(&base)),
            factor: 1.0,
            offset: 0.0,
            range: None,
            unit: find(ElementName::UnitRef).map(|unit| name_of_unit(&unit)).unwrap_or_default(),
            texts: Vec::new(),
            initial: initial(signal),
        };
        if let Some(method) = find(ElementName::CompuMethodRef) {
            scaling.take_method(&method);
        }
        if let Some(constraint) = find(ElementName::DataConstrRef) {
            scaling.take_constraint(&constraint);
        }
        scaling
    }

    fn take_method(&mut self, method: &Element) {
        if let Some(unit) = target(method, ElementName::UnitRef).filter(|_| self.unit.is_empty()) {
            self.unit = name_of_unit(&unit);
        }
        let scales =
            child(method, ElementName::CompuInternalToPhys).and_then(|to| child(&to, ElementName::CompuScales));
        let mut linear = 0_usize;
        for scale in scales.iter().flat_map(|scales| all(scales, ElementName::CompuScale)) {
            let limits = number(&scale, ElementName::LowerLimit).zip(number(&scale, ElementName::UpperLimit));
            let constant = child(&scale, ElementName::CompuConst).and_then(|constant| text(&constant, ElementName::Vt));
            if let Some(text) = constant {
                self.take_text(limits, &text);
            } else if let Some((offset, factor)) =
                child(&scale, ElementName::CompuRationalCoeffs).and_then(|c| linear_of(&c))
            {
                linear = linear.saturating_add(1);
                (self.factor, self.offset) = (factor, offset);
                self.range = limits.map(|(low, high)| (low * factor + offset, high * factor + offset)).map(ordered);
            }
        }
        if linear > 1 {
            (self.factor, self.offset, self.range) = (1.0, 0.0, None);
        }
    }

    fn take_text(&mut self, limits: Option<(f64, f64)>, text: &str) {
        let Some((low, high)) = limits.and_then(|(low, high)| raw(low).zip(raw(high))) else { return };
        if (low..=low.saturating_add(TEXT_VALUES_MAX)).contains(&high) {
            self.texts.extend((low..=high).map(|raw| (raw, text.to_owned())));
        }
    }

    fn take_constraint(&mut self, constraint: &Element) {
        let rules = child(constraint, ElementName::DataConstrRules);
        let Some(rule) = rules.and_then(|rules| all(&rules, ElementName::DataConstrRule).next()) else { return };
        let limits = |name| {
            let limits = child(&rule, name)?;
            number(&limits, ElementName::LowerLimit).zip(number(&limits, ElementName::UpperLimit))
        };
        let physical = limits(ElementName::PhysConstrs);
        let internal = limits(ElementName::InternalConstrs);
        let of_raw = |(low, high): (f64, f64)| (low * self.factor + self.offset, high * self.factor + self.offset);
        if let Some(range) = physical.or(internal.map(of_raw)) {
            self.range = Some(ordered(range));
        }
    }
}

const fn ordered((one, other): (f64, f64)) -> (f64, f64) {
    if one <= other { (one, other) } else { (other, one) }
}

fn name_of_unit(unit: &Element) -> String {
    text(unit, ElementName::DisplayName).or_else(|| unit.item_name()).unwrap_or_default()
}

fn encoding(base: &Element) -> Encoding {
    match text(base, ElementName::BaseTypeEncoding).as_deref() {
        Some("2C" | "1C" | "SM") => Encoding::Signed,
        Some("IEEE754") => Encoding::Float64,
        _ => Encoding::Unsigned,
    }
}

/// Offset and factor of `(v0 + v1 x) / d`.
fn linear_of(coefficients: &Element) -> Option<(f64, f64)> {
    let values = |name| {
        let list = child(coefficients, name)?;
        Some(all(&list, ElementName::V).filter_map(|v| own_number(&v)).collect::<Vec<f64>>())
    };
    let (numerator, denominator) = (values(ElementName::CompuNumerator)?, values(ElementName::CompuDenominator)?);
    let ([offset, factor], [divisor]) = (numerator.as_slice(), denominator.as_slice()) else { return None };
    let (offset, factor) = (offset / divisor, factor / divisor);
    (offset.is_finite() && factor.is_finite() && factor != 0.0).then_some((offset, factor))
}

fn initial(signal: &Element) -> Option<f64> {
    let value = child(signal, ElementName::InitValue)?;
    let value = child(&value, ElementName::NumericalValueSpecification)?;
    own_text(&child(&value, ElementName::Value)?)?.trim().parse().ok().filter(|value: &f64| value.is_finite())
}
