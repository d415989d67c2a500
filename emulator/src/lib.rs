//! An emulator of a Bitrix24 portal.
