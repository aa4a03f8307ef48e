/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier with a flag that is not defined. */
#define UNIT_FLAGS 0x80000001u
#include "tests/verifiers/unit_plain.c"
