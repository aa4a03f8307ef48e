/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier with a name that is taken. */
#define UNIT_NAME "local"
#include "tests/verifiers/unit_plain.c"
