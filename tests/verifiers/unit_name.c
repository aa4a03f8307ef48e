/* SPDX-License-Identifier: Apache-2.0 */
/* With a name that is none. */
#define UNIT_NAME "Unit_Plain"
#include "tests/verifiers/unit_plain.c"
