/* SPDX-License-Identifier: Apache-2.0 */
/* The CRC-32 of zlib: reflected, polynomial EDB88320.  No state; any thread.  The bytes may be secret: the
 * time depends on their number only. */
#ifndef JETON_PROTO_CRC_H
#define JETON_PROTO_CRC_H

#include "proto/text.h"

uint32_t crc_of(struct slice bytes);

#endif
