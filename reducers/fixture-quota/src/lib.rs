//! Allows blobs up to the size that the grant names.

use aos_sdk::{BlobPut, CapCheck, Deny, Value, Verdict};

#[derive(Debug, Value)]
pub struct Quota {
    max_bytes: u64,
}

pub fn check(request: &CapCheck) -> Verdict {
    let quota: Quota = request.grant();
    let blob: BlobPut = request.params();
    match blob.bytes.len() as u64 {
        len if len > quota.max_bytes => {
            let message = format!("{len} bytes, {} are allowed", quota.max_bytes);
            Err(Deny::new("blob_too_large", message))
        }
        _ => Ok(()),
    }
}

aos_sdk::enforcer!(check);

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::{Origin, encode, testing::judge};

    fn verdict(len: usize) -> Verdict {
        let request = CapCheck {
            cap_def: "demo/blobs@1".into(),
            grant_name: "blobs".into(),
            cap_params: encode(&Quota { max_bytes: 2 }),
            effect_kind: "blob.put".into(),
            effect_params: encode(&BlobPut::of(vec![0; len])),
            origin: Origin { kind: "reducer".into(), name: "demo/Notes@1".into() },
            logical_now_ns: 0,
        };
        judge(check, &request)
    }

    #[test]
    fn the_quota_is_the_largest_size_that_is_allowed() {
        assert_eq!(verdict(2), Ok(()));
        let refusal = Deny::new("blob_too_large", "3 bytes, 2 are allowed");
        assert_eq!(verdict(3), Err(refusal));
    }
}
