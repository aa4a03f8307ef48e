/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier with a name that is too long. */
#define UNIT_NAME "unit-0123456789-0123456789-01234"
#include "tests/verifiers/unit_plain.c"
