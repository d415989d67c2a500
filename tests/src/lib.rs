//! Scenes that span the parts.
