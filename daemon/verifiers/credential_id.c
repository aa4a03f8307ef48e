/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/credential_id.h"

#include <sodium.h>

enum { ID_SPACE = sizeof(((struct jeton_identity *)NULL)->id), DIGEST_BYTES = 24 };

static const char prefix[] = "blake2b:";

bool credential_text_is_printable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c < 0x20 || c == 0x7f ||
            (c == 0xc2 && i + 1 < text.len && (unsigned char)text.at[i + 1] < 0xa0))
            return false;
    }
    return true;
}

/* A jti with the prefix becomes a digest, too, so that it cannot be another one's name. */
void credential_id_write(struct slice jti, bool secret, char id[ID_SPACE])
{
    uint8_t digest[DIGEST_BYTES];
    struct text t = text_in(id, ID_SPACE - 1);

    if (secret || jti.len >= ID_SPACE || slice_begins(jti, prefix) ||
        !credential_text_is_printable(jti)) {
        crypto_generichash(digest, sizeof(digest), (const uint8_t *)jti.at, jti.len, NULL, 0);
        text_adds(&t, prefix);
        text_add_hex(&t, digest, sizeof(digest));
    } else {
        text_add(&t, jti.at, jti.len);
    }
    id[t.len] = '\0';
}

void credential_id_add(struct jeton_identity *earlier, const struct jeton_identity *found)
{
    if (found->id[0] == '\0' ||
        (earlier->issuer[0] != '\0' && strcmp(earlier->issuer, found->issuer) != 0))
        return;
    memcpy(earlier->id, found->id, sizeof(earlier->id));
    memcpy(earlier->issuer, found->issuer, sizeof(earlier->issuer));
}
