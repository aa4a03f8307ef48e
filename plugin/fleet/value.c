/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/value.h"

struct slice value_column(const PGresult *r, int row, int column)
{
    if (PQgetisnull(r, row, column))
        return (struct slice){ NULL, 0 };
    return (struct slice){ PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column) };
}

bool value_int8(struct slice value, uint64_t *number)
{
    *number = 0;
    if (value.at == NULL || value.len != sizeof(*number))
        return false;
    for (size_t i = 0; i < value.len; i++)
        *number = *number << 8 | (uint8_t)value.at[i];
    return *number <= INT64_MAX;
}

bool value_uuid(struct slice value, uint8_t uuid[VALUE_UUID_SIZE])
{
    if (value.at == NULL || value.len != VALUE_UUID_SIZE)
        return false;
    memcpy(uuid, value.at, VALUE_UUID_SIZE);
    return true;
}
