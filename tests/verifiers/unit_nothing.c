/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object that is no verifier. */
const int unit_nothing = 1;
