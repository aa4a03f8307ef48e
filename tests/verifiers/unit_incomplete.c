/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier without verify(). */
#define UNIT_INCOMPLETE 1
#include "tests/verifiers/unit_plain.c"
