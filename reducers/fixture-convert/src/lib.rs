//! Converts an amount; the rate depends on the height, so that it needs the context.

use aos_sdk::{Call, Value};

#[derive(Debug, PartialEq, Value)]
pub struct Amount {
    cents: u64,
    currency: String,
}

pub fn convert(amount: Amount, call: &Call) -> Amount {
    let rate = call.context().journal_height;
    let cents = amount.cents.checked_mul(rate).expect("the amount is too large");
    Amount { cents, ..amount }
}

aos_sdk::pure_module!(convert);

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::{PureContext, testing::call};

    fn converted(cents: u64) -> Amount {
        let context = PureContext { journal_height: 3, ..PureContext::default() };
        call(convert, &Amount { cents, currency: "EUR".into() }, Some(&context))
    }

    #[test]
    fn an_amount_is_multiplied_by_the_height() {
        assert_eq!(converted(5), Amount { cents: 15, currency: "EUR".into() });
    }

    #[test]
    #[should_panic(expected = "the amount is too large")]
    fn an_amount_that_does_not_fit_is_a_fault() {
        converted(u64::MAX);
    }
}
