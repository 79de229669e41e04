//! Compiles the bridge to RocksDB's C++ interface, after checking that the little it assumes still holds.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// What the bridge repeats of RocksDB's `db/c.cc`, letter by letter: how the handles of the C interface are laid out.
const REPEATED: [&str; 2] = [
    "struct rocksdb_options_t {\n  Options rep;\n};\n",
    "struct rocksdb_column_family_handle_t {\n  ColumnFamilyHandle* rep;\n  bool immortal; /* only true for default cf */\n};\n",
];

const BRIDGE: &str = "src/rocksdb/bridge/bridge.cc";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={BRIDGE}");
    let sources = sources();
    let interface = sources.join("db/c.cc");
    check(&interface);
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++20")
        .file(BRIDGE)
        .include(sources.join("include"))
        .include(&sources)
        .flag("-include")
        .flag("cstdint")
        .flag_if_supported("-Wno-unused-parameter")
        .flag_if_supported("-Wno-invalid-offsetof");
    // The same as for RocksDB itself: they decide how its classes are laid out.
    for define in [
        "OS_LINUX",
        "ROCKSDB_PLATFORM_POSIX",
        "ROCKSDB_LIB_IO_POSIX",
        "HAVE_ALIGNED_NEW",
        "HAVE_UINT128_EXTENSION",
    ] {
        build.define(define, None);
    }
    build.define("NDEBUG", "1").compile("plimsoll_rocksdb_bridge");
}

/// Where librocksdb-sys has RocksDB's sources.
fn sources() -> PathBuf {
    println!("cargo:rerun-if-env-changed=DEP_ROCKSDB_CARGO_MANIFEST_DIR");
    let directory = env::var_os("DEP_ROCKSDB_CARGO_MANIFEST_DIR")
        .expect("librocksdb-sys is a direct dependency and says where it lies");
    Path::new(&directory).join("rocksdb")
}

/// Fails the build where RocksDB's handles are not what the bridge takes them for.
fn check(interface: &Path) {
    println!("cargo:rerun-if-changed={}", interface.display());
    let text = fs::read_to_string(interface)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", interface.display()));
    for repeated in REPEATED {
        assert!(
            text.contains(repeated),
            "{} no longer says\n{repeated}which {BRIDGE} repeats: look at what changed, adapt the bridge and \
             build.rs, and only then raise the versions of rocksdb and librocksdb-sys in Cargo.toml",
            interface.display()
        );
    }
}
