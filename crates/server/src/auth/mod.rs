//! How people prove who they are: one-time sign-in links, sessions in a cookie, requests from this origin only.
//!
//! Not how devices do (that is `identity` and the gate). Invariants: a secret is 256 random bits and is kept as its SHA-256
//! alone; a session names a tenant, and nothing else does; a request that changes something comes from a page of this server.

mod link;
mod origin;
mod secret;
mod session;

pub(crate) use link::{CONSOLE_URL, OPERATOR, OPERATOR_TENANT};
pub use link::{SIGN_IN_LINK_VALIDITY_US, SignInLink, SignInLinkError, mint_sign_in_link, sign_in_link};
pub use origin::{Origins, check_origin};
pub(crate) use secret::hex;
pub use secret::{NoRandomness, Secret, SecretHash};
pub use session::{COOKIE, SESSION_VALIDITY_US, Session, cookie_of, end_cookie, start_cookie};
