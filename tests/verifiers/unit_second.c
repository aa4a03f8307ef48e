/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier with a name that jetond itself gives. */
#define UNIT_NAME "local-2"
#include "tests/verifiers/unit_plain.c"
