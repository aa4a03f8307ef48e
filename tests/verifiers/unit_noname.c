/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier without a name. */
#define UNIT_NAME NULL
#include "tests/verifiers/unit_plain.c"
