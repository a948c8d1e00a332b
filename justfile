# The commands that a contributor types most.

# Everything that CI checks, on this machine.
ci:
    bash .ci/run

# Format, then lint as CI does.
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# The kustomize conformance run.
conformance:
    cargo build --release
    ../shared/conformance/kustomize/run.py --cmd "target/release/seatrial render"
