//! The paths of a transit mount (Vault API, "Transit secrets engine"; OpenBao, `builtin/logical/transit`).

use crate::engine::wire::path::Shape::{Bool, Int, Objects, Seconds, Segment, Text, Word};
use crate::engine::wire::path::{Parameter, Row, takes};
use crate::engine::wire::request::Operation::{Delete, List, Read, Write};

const NAME: Parameter = takes("name", Word("-."), "Name of the key");
const CONTEXT: Parameter = takes("context", Text, "What a key is derived for, in base64; for derived keys");
const KEY_VERSION: Parameter = takes("key_version", Int, "The version to use; 0: the latest").or("0");
const ASSOCIATED: Parameter = takes("associated_data", Text, "What has to be the same when it is decrypted, in base64");
const BATCH: Parameter = takes("batch_input", Objects, "Many at once; then the other parameters count for nothing");
const FAILURE_CODE: Parameter =
    takes("partial_failure_response_code", Int, "The status where some of a batch fail and others don't").or("400");
const CIPHERTEXT: Parameter = takes("ciphertext", Text, "What a key of that name encrypted; required");
const TYPE: Parameter = takes("type", Text, "The sort of key").or("aes256-gcm96");
const CONVERGENT: Parameter =
    takes("convergent_encryption", Bool, "Whether the same text in the same context encrypts to the same").or("false");
const EXPORTABLE: Parameter = takes("exportable", Bool, "Whether the key may be taken out; it can't be taken back");
const BACKUP: Parameter =
    takes("allow_plaintext_backup", Bool, "Whether a backup in clear may be taken; it can't be taken back");
const ROTATES: Parameter =
    takes("auto_rotate_period", Seconds, "After how long a new version is made by itself; 0: never");
const FORMAT: Parameter = takes("format", Text, "hex or base64");
const BYTES: Parameter = takes("bytes", Int, "How many bytes").or("32");
const SOURCE: Parameter = takes("source", Word("-."), "platform, seal or all, or how many bytes");
const VERSION: Parameter = takes("version", Word("-."), "A version, or latest");
const FORM: Parameter = takes("format", Text, "raw, der or pem; as left out, what is usual for the type of key");
const PART: Parameter = takes("type", Word("-."), "encryption-key, signing-key, hmac-key or public-key");
const WRAPPED: Parameter =
    takes("ciphertext", Text, "An AES key for the wrapping key, and the key wrapped by it, in base64");
const HASH_FUNCTION: Parameter =
    takes("hash_function", Text, "The hash of the padding that the AES key has").or("SHA256");
const PUBLIC_KEY: Parameter = takes("public_key", Text, "No effect but to be refused: a public key alone");
const SAVED: Parameter = takes("backup", Text, "What a backup answered; required");
const FORCE: Parameter = takes("force", Bool, "Whether it takes the place of a key that is there").or("false");
const INPUT: Parameter = takes("input", Text, "What is hashed or signed, in base64");
const URL_ALGORITHM: Parameter = takes("urlalgorithm", Word("-."), "The hash");
const HASH_ALGORITHM: Parameter = takes("hash_algorithm", Text, "The hash; algorithm is its older name").or("sha2-256");
const MARSHALING: Parameter =
    takes("marshaling_algorithm", Text, "asn1, or jws: both numbers of ECDSA, in the base64 of URLs").or("asn1");
const PADDING: Parameter = takes("signature_algorithm", Text, "pss or pkcs1v15, of RSA").or("pss");
const SALT: Parameter = takes("salt_length", Text, "auto, hash, or how many bytes, of pss").or("auto");
const PREHASHED: Parameter = takes("prehashed", Bool, "Whether the input is a hash already").or("false");

const SIGN: &[Parameter] = &[
    NAME,
    URL_ALGORITHM,
    INPUT,
    CONTEXT,
    KEY_VERSION,
    HASH_ALGORITHM,
    ALGORITHM,
    MARSHALING,
    PADDING,
    SALT,
    PREHASHED,
    BATCH,
];
const VERIFY: &[Parameter] = &[
    NAME,
    URL_ALGORITHM,
    INPUT,
    takes("signature", Text, "What a key of that name made of the input"),
    takes("hmac", Text, "The same, of an HMAC"),
    CONTEXT,
    HASH_ALGORITHM,
    ALGORITHM,
    MARSHALING,
    PADDING,
    SALT,
    PREHASHED,
    BATCH,
];
const HMAC: &[Parameter] = &[NAME, URL_ALGORITHM, INPUT, KEY_VERSION, ALGORITHM, BATCH];
const ALGORITHM: Parameter = takes("algorithm", Text, "The hash").or("sha2-256");

/// The table.
pub(super) const PATHS: &[Row] = &[
    Row::new("keys/?", &[List], "The names of keys").with(&[
        takes("after", Text, "Only names that come after this one"),
        takes("limit", Int, "How many at most"),
        takes("detailed", Bool, "Whether each comes with what a read of it answers"),
    ]),
    Row::new("keys/:name", &[Read, Write, Delete], "A key, without its secrets").with(&[
        NAME,
        TYPE,
        takes("derived", Bool, "Whether each context has a key of its own").or("false"),
        CONVERGENT,
        EXPORTABLE,
        BACKUP,
        ROTATES,
        takes("key_size", Int, "How many bytes the key of an HMAC has"),
        CONTEXT,
    ]),
    Row::new("keys/:name/config", &[Write], "What a key may be used for").with(&[
        NAME,
        takes("min_decryption_version", Int, "The oldest version whose texts are taken"),
        takes(
            "min_encryption_version",
            Int,
            "The oldest version that makes texts; 0: the latest alone, if none is asked for",
        ),
        takes("deletion_allowed", Bool, "Whether the key may be deleted, and all that it encrypted with it"),
        EXPORTABLE,
        BACKUP,
        ROTATES,
    ]),
    Row::new("keys/:name/rotate", &[Write], "A new version of a key").with(&[NAME]),
    Row::new("keys/:name/trim", &[Write], "Versions of a key go for good")
        .with(&[NAME, takes("min_available_version", Int, "The oldest version that stays; required")]),
    Row::new("keys/:name/soft-delete", &[Delete], "A key is put away").with(&[NAME]),
    Row::new("keys/:name/soft-delete-restore", &[Write], "A key that was put away is taken back").with(&[NAME]),
    Row::new("keys/:name/import", &[Write], "A key that was made elsewhere").with(&[
        NAME,
        TYPE,
        WRAPPED,
        HASH_FUNCTION,
        PUBLIC_KEY,
        takes("derived", Bool, "Whether each context has a key of its own").or("false"),
        takes("allow_rotation", Bool, "Whether versions are made of it here all the same").or("false"),
        EXPORTABLE,
        BACKUP,
        ROTATES,
    ]),
    Row::new("keys/:name/import_version", &[Write], "A new version that was made elsewhere").with(&[
        NAME,
        WRAPPED,
        HASH_FUNCTION,
        PUBLIC_KEY,
        takes("version", Int, "No effect but to be refused: a version that is there"),
    ]),
    Row::new("wrapping_key", &[Read], "The public key that keys are wrapped for").acts(),
    Row::new("export/:type/:name", &[Read], "The secrets of a key that may be taken out").with(&[PART, NAME, FORM]),
    Row::new("export/:type/:name/:version", &[Read], "The same of one version").with(&[PART, NAME, VERSION, FORM]),
    Row::new("backup/:name", &[Read], "A key with all its versions, in clear").with(&[NAME]).acts(),
    Row::new("restore", &[Write], "A key of a backup").with(&[NAME, SAVED, FORCE]),
    Row::new("restore/:name", &[Write], "A key of a backup").with(&[NAME, SAVED, FORCE]),
    Row::new("config/keys", &[Read, Write], "What the keys of the mount have in common").with(&[takes(
        "disable_upsert",
        Bool,
        "Whether no encryption makes the key that it names",
    )
    .or("false")]),
    Row::new("encrypt/:name", &[Write], "Texts are encrypted; a key that is not there is made for who may create it")
        .with(&[
            NAME,
            takes("plaintext", Text, "What is encrypted, in base64; required"),
            CONTEXT,
            KEY_VERSION,
            ASSOCIATED,
            BATCH,
            FAILURE_CODE,
            TYPE,
            CONVERGENT,
        ])
        .creates()
        .still(),
    Row::new("decrypt/:name", &[Write], "Texts are decrypted")
        .with(&[NAME, CIPHERTEXT, CONTEXT, ASSOCIATED, BATCH, FAILURE_CODE])
        .still(),
    Row::new("rewrap/:name", &[Write], "Texts are decrypted and encrypted again, by another version")
        .with(&[NAME, CIPHERTEXT, CONTEXT, KEY_VERSION, BATCH])
        .still(),
    Row::new("datakey/:plaintext/:name", &[Write], "A random key, encrypted; also in clear below datakey/plaintext")
        .with(&[
            takes("plaintext", Segment, "plaintext or wrapped"),
            NAME,
            CONTEXT,
            KEY_VERSION,
            ASSOCIATED,
            takes("bits", Int, "128, 256 or 512").or("256"),
        ])
        .still(),
    Row::new("random", &[Write], "Random bytes")
        .with(&[BYTES, FORMAT, takes("source", Text, "platform, seal or all").or("platform")])
        .still(),
    Row::new("random/:source", &[Write], "Random bytes").with(&[BYTES, FORMAT, SOURCE]).still(),
    Row::new("random/:source/:urlbytes", &[Write], "Random bytes")
        .with(&[BYTES, FORMAT, SOURCE, takes("urlbytes", Segment, "How many bytes")])
        .still(),
    Row::new("hash", &[Write], "The hash of what is sent").with(&[INPUT, FORMAT, ALGORITHM]).still(),
    Row::new("hash/:urlalgorithm", &[Write], "The hash of what is sent")
        .with(&[INPUT, FORMAT, ALGORITHM, URL_ALGORITHM])
        .still(),
    Row::new("sign/:name", &[Write], "Inputs are signed").with(SIGN).still(),
    Row::new("sign/:name/:urlalgorithm", &[Write], "Inputs are signed").with(SIGN).still(),
    Row::new("verify/:name", &[Write], "Signatures or HMACs are verified").with(VERIFY).still(),
    Row::new("verify/:name/:urlalgorithm", &[Write], "Signatures or HMACs are verified").with(VERIFY).still(),
    Row::new("hmac/:name", &[Write], "HMACs of inputs").with(HMAC).still(),
    Row::new("hmac/:name/:urlalgorithm", &[Write], "HMACs of inputs").with(HMAC).still(),
];
