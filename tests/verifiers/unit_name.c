/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier with a malformed name. */
#define UNIT_NAME "Unit_Plain"
#include "tests/verifiers/unit_plain.c"
