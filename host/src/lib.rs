//! The native host of b24-offline.
