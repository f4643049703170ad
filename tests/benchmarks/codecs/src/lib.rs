#[cfg(not(feature = "aos-sdk"))]
mod codec;
#[cfg(not(feature = "aos-sdk"))]
mod host;
mod reducer;

#[cfg(feature = "aos-sdk")]
mod host {
    pub use aos_sdk::Step;
}

#[cfg(feature = "aos-sdk")]
aos_sdk::reducer!(reducer::reduce);
