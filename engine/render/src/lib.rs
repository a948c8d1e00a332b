//! Pure rendering of kustomizations: a tree of files in, Kubernetes objects out.
