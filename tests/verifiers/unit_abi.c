/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier that is compiled for another version of the header. */
#define UNIT_ABI 77
#include "tests/verifiers/unit_plain.c"
