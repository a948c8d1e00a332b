//! The kind SealedSecret (`bitnami.com/v1alpha1`).

use serde_json::{Value, json};

/// The CustomResourceDefinition of SealedSecret, with the fields that the release v0.26 of sealed-secrets has. It is not Flux's:
/// a cluster has it where the manifests of the controller bring it.
pub fn crd() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "sealedsecrets.bitnami.com"
        },
        "spec": {
            "group": "bitnami.com",
            "names": {
                "kind": "SealedSecret",
                "listKind": "SealedSecretList",
                "plural": "sealedsecrets",
                "singular": "sealedsecret"
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1alpha1",
                    "served": true,
                    "storage": true,
                    "subresources": {
                        "status": {}
                    },
                    "additionalPrinterColumns": [
                        {
                            "jsonPath": ".status.conditions[0].message",
                            "name": "Status",
                            "type": "string"
                        },
                        {
                            "jsonPath": ".status.conditions[0].status",
                            "name": "Synced",
                            "type": "string"
                        },
                        {
                            "jsonPath": ".metadata.creationTimestamp",
                            "name": "Age",
                            "type": "date"
                        }
                    ],
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "required": [
                                "spec"
                            ],
                            "properties": {
                                "apiVersion": {
                                    "type": "string"
                                },
                                "kind": {
                                    "type": "string"
                                },
                                "metadata": {
                                    "type": "object"
                                },
                                "spec": {
                                    "type": "object",
                                    "required": [
                                        "encryptedData"
                                    ],
                                    "properties": {
                                        "data": {
                                            "type": "string",
                                            "format": "byte"
                                        },
                                        "encryptedData": {
                                            "type": "object",
                                            "additionalProperties": {
                                                "type": "string"
                                            },
                                            "x-kubernetes-preserve-unknown-fields": true
                                        },
                                        "template": {
                                            "type": "object",
                                            "properties": {
                                                "data": {
                                                    "type": "object",
                                                    "nullable": true,
                                                    "additionalProperties": {
                                                        "type": "string"
                                                    }
                                                },
                                                "immutable": {
                                                    "type": "boolean"
                                                },
                                                "type": {
                                                    "type": "string"
                                                },
                                                "metadata": {
                                                    "type": "object",
                                                    "nullable": true,
                                                    "x-kubernetes-preserve-unknown-fields": true,
                                                    "properties": {
                                                        "annotations": {
                                                            "type": "object",
                                                            "additionalProperties": {
                                                                "type": "string"
                                                            }
                                                        },
                                                        "finalizers": {
                                                            "type": "array",
                                                            "items": {
                                                                "type": "string"
                                                            }
                                                        },
                                                        "labels": {
                                                            "type": "object",
                                                            "additionalProperties": {
                                                                "type": "string"
                                                            }
                                                        },
                                                        "name": {
                                                            "type": "string"
                                                        },
                                                        "namespace": {
                                                            "type": "string"
                                                        }
                                                    }
                                                }
                                            }
                                        }
                                    }
                                },
                                "status": {
                                    "type": "object",
                                    "properties": {
                                        "observedGeneration": {
                                            "type": "integer",
                                            "format": "int64"
                                        },
                                        "conditions": {
                                            "type": "array",
                                            "items": {
                                                "type": "object",
                                                "required": [
                                                    "status",
                                                    "type"
                                                ],
                                                "properties": {
                                                    "lastTransitionTime": {
                                                        "type": "string",
                                                        "format": "date-time"
                                                    },
                                                    "lastUpdateTime": {
                                                        "type": "string",
                                                        "format": "date-time"
                                                    },
                                                    "message": {
                                                        "type": "string"
                                                    },
                                                    "reason": {
                                                        "type": "string"
                                                    },
                                                    "status": {
                                                        "type": "string"
                                                    },
                                                    "type": {
                                                        "type": "string"
                                                    }
                                                }
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            ]
        }
    })
}
