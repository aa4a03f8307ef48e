/* SPDX-License-Identifier: Apache-2.0 */
/* A client is a connection to the server, in a libcurl share handle; clients that are not in use are
 * in a pool.  The easy handle lasts for one request: what libcurl keeps with it to use again would
 * have the value in it. */
#include "daemon/verifiers/introspect/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "daemon/verifiers/introspect/client_auth.h"

enum {
    IDLE_MAX = 64,       /* clients in the pool; jetond usually has fewer threads */
    HEADERS_MAX = 65536, /* bytes of a response's, including those of 1xx responses */
    HOUR = 3600000,      /* milliseconds */
    BODY_MAX = 64 + 3 * (HTTP_VALUE_MAX + OPTIONS_HINT_MAX),
};

struct http_client {
    CURLSH *share;            /* has the connection; one thread at a time uses it */
    CURL *curl;               /* of the request; NULL: in the pool */
    struct http_client *next; /* in the pool */
    char error[CURL_ERROR_SIZE];
    char request[BODY_MAX]; /* body; secret */
    size_t request_length;
    size_t header_bytes;     /* received */
    bool has_status;         /* a valid status line was received */
    const char *limit_error; /* the limit that was exceeded, or NULL */
    size_t response_length;
    char response[RESPONSE_MAX];
};

struct http_pool {
    const struct options *options;
    struct curl_slist *headers; /* sent with every request; secret */
    pthread_mutex_t mutex;      /* protects the next two */
    struct http_client *idle;
    size_t idle_count;
};

int64_t monotonic_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* -- a client ---------------------------------------------------------------------------------- */

static size_t receive_body(char *bytes, size_t one, size_t count, void *context)
{
    struct http_client *client = context;

    if (one * count > sizeof(client->response) - client->response_length) {
        client->limit_error = "the server's answer is longer than 64 KiB";
        return 0;
    }
    memcpy(client->response + client->response_length, bytes, one * count);
    client->response_length += one * count;
    return one * count;
}

/* Check the status line, as libcurl takes a malformed one for a 200. */
static bool is_status_line(struct slice line)
{
    enum { STATUS_OFFSET = sizeof("HTTP/1.1 ") - 1, STATUS_DIGITS = 3 };
    uint64_t status;

    return line.len > STATUS_OFFSET + STATUS_DIGITS &&
           (slice_begins(line, "HTTP/1.1 ") || slice_begins(line, "HTTP/1.0 ")) &&
           number_parse((struct slice){ line.at + STATUS_OFFSET, STATUS_DIGITS }, 999, &status) &&
           memchr(" \r\n", line.at[STATUS_OFFSET + STATUS_DIGITS], 3) != NULL;
}

static size_t receive_header(char *bytes, size_t one, size_t count, void *context)
{
    struct http_client *client = context;

    if (client->header_bytes == 0 || (one * count >= 5 && strncasecmp(bytes, "HTTP/", 5) == 0))
        client->has_status = is_status_line((struct slice){ bytes, one * count });
    client->header_bytes += one * count;
    if (client->header_bytes <= HEADERS_MAX)
        return one * count;
    client->limit_error = "the server's answer has more than 64 KiB of headers";
    return 0;
}

/* Options for every server.  No proxy, no .netrc, no redirect: each would disclose the value and
 * the client's secret to another host. */
static const struct {
    CURLoption option;
    long value;
} long_options[] = {
    { CURLOPT_NOSIGNAL, 1 },
    { CURLOPT_QUICK_EXIT, 1 }, /* do not wait for a hung resolver after the deadline */
    { CURLOPT_FOLLOWLOCATION, 0 },
    { CURLOPT_NETRC, CURL_NETRC_IGNORED },
    { CURLOPT_SSL_VERIFYPEER, 1 },
    { CURLOPT_SSL_VERIFYHOST, 2 },
    { CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
    { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
    { CURLOPT_MAXCONNECTS, 1 },
    { CURLOPT_TCP_KEEPALIVE, 1 },
    { CURLOPT_POST, 1 },
};

static bool set_long_options(CURL *curl)
{
    for (size_t i = 0; i < sizeof(long_options) / sizeof(long_options[0]); i++)
        if (curl_easy_setopt(curl, long_options[i].option, long_options[i].value) != CURLE_OK)
            return false;
    return true;
}

static bool set_server(CURL *curl, const struct http_pool *pool)
{
    const struct options *o = pool->options;
    struct curl_blob ca = { o->ca, o->ca_length, CURL_BLOB_NOCOPY };

    return curl_easy_setopt(curl, CURLOPT_URL, o->url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, o->scheme) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, o->socket) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, pool->headers) == CURLE_OK &&
           /* ca= replaces the system's certificates: in libcurl a file and a directory. */
           (o->ca == NULL || (curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK &&
                              curl_easy_setopt(curl, CURLOPT_CAINFO, NULL) == CURLE_OK &&
                              curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca) == CURLE_OK));
}

static bool set_receiver(CURL *curl, struct http_client *client)
{
    return curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, client) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_header) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERDATA, client) == CURLE_OK;
}

static bool share_connection(CURLSH *share)
{
    return curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) == CURLSHE_OK &&
           curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) == CURLSHE_OK &&
           curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK;
}

static void client_free(struct http_client *client)
{
    curl_easy_cleanup(client->curl);
    curl_share_cleanup(client->share);
    free(client);
}

static struct http_client *client_new(void)
{
    struct http_client *client = calloc(1, sizeof(*client));

    if (client == NULL)
        return NULL;
    client->share = curl_share_init();
    if (client->share != NULL && share_connection(client->share))
        return client;
    client_free(client);
    return NULL;
}

/* Make the client ready for a request.  False: out of memory. */
static bool client_open(struct http_client *client, const struct http_pool *pool)
{
    client->curl = curl_easy_init();
    return client->curl != NULL &&
           curl_easy_setopt(client->curl, CURLOPT_SHARE, client->share) == CURLE_OK &&
           set_long_options(client->curl) && set_server(client->curl, pool) &&
           set_receiver(client->curl, client);
}

/* -- the pool ---------------------------------------------------------------------------------- */

void http_pool_free(struct http_pool *pool)
{
    if (pool == NULL)
        return;
    for (struct http_client *client = pool->idle, *next; client != NULL; client = next) {
        next = client->next;
        client_free(client);
    }
    curl_slist_free_all(pool->headers);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

static bool add_header(struct http_pool *pool, const char *line)
{
    struct curl_slist *longer = line != NULL ? curl_slist_append(pool->headers, line) :
                                               pool->headers;

    pool->headers = longer != NULL ? longer : pool->headers;
    return line == NULL || longer != NULL;
}

struct http_pool *http_pool_new(const struct options *o)
{
    struct http_pool *pool = calloc(1, sizeof(*pool));

    if (pool == NULL)
        return NULL;
    pool->options = o;
    pthread_mutex_init(&pool->mutex, NULL);
    if (add_header(pool, "Accept: application/json") && add_header(pool, "Expect:") &&
        add_header(pool, o->authorization))
        return pool;
    http_pool_free(pool);
    return NULL;
}

struct http_client *http_pool_get(struct http_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    struct http_client *client = pool->idle;
    if (client != NULL) {
        pool->idle = client->next;
        pool->idle_count--;
    }
    pthread_mutex_unlock(&pool->mutex);
    if (client == NULL)
        client = client_new();
    if (client == NULL || client_open(client, pool))
        return client;
    client_free(client);
    return NULL;
}

/* Wipe the response, which may contain the value. */
static void wipe_response(struct http_client *client)
{
    sodium_memzero(client->response, client->response_length);
    client->response_length = client->header_bytes = 0;
    client->has_status = false;
}

void http_pool_put(struct http_pool *pool, struct http_client *client)
{
    if (client == NULL)
        return;
    sodium_memzero(client->request, client->request_length);
    client->request_length = 0;
    wipe_response(client);
    curl_easy_cleanup(client->curl);
    client->curl = NULL;
    pthread_mutex_lock(&pool->mutex);
    bool full = pool->idle_count == IDLE_MAX;
    if (!full) {
        client->next = pool->idle;
        pool->idle = client;
        pool->idle_count++;
    }
    pthread_mutex_unlock(&pool->mutex);
    if (full)
        client_free(client);
}

/* -- a request --------------------------------------------------------------------------------- */

static bool set_request(struct http_client *client, const char *hint, struct slice value)
{
    struct text body = text_in(client->request, sizeof(client->request));

    text_adds(&body, "token=");
    form_encode(&body, value);
    if (hint != NULL) {
        text_adds(&body, "&token_type_hint=");
        form_encode(&body, slice_of(hint));
    }
    client->request_length = body.len;
    return !body.cut &&
           curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE, (long)body.len) == CURLE_OK &&
           curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, client->request) == CURLE_OK;
}

static CURLcode perform(struct http_client *client, int64_t deadline, bool fresh)
{
    int64_t milliseconds = (deadline - monotonic_now()) / 1000000;

    if (milliseconds <= 0) /* for libcurl, 0 is no timeout */
        return CURLE_OPERATION_TIMEDOUT;
    if (milliseconds > HOUR)
        milliseconds = HOUR;
    client->error[0] = '\0';
    client->limit_error = NULL;
    wipe_response(client);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, (long)milliseconds);
    curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)milliseconds);
    curl_easy_setopt(client->curl, CURLOPT_FRESH_CONNECT, (long)fresh);
    return curl_easy_perform(client->curl);
}

/* Detect that the server closed a persistent connection just when it was reused.  libcurl connects
 * again, but not always: it counts such cases over the life of a handle (7.88), and reports every
 * few of them as an error.  Introspection is idempotent, so the request may be repeated. */
static bool reused_connection_failed(struct http_client *client, CURLcode code)
{
    long made = 0;

    return (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING) &&
           curl_easy_getinfo(client->curl, CURLINFO_NUM_CONNECTS, &made) == CURLE_OK && made == 0;
}

/* True for application/json, with or without parameters. */
static bool is_json(const char *type)
{
    static const char json[] = "application/json";

    return type != NULL && strncasecmp(type, json, sizeof(json) - 1) == 0 &&
           (type[sizeof(json) - 1] == '\0' || strchr("; \t", type[sizeof(json) - 1]) != NULL);
}

static void transport_error(struct http_client *client, CURLcode code, struct result *r)
{
    if (code == CURLE_OPERATION_TIMEDOUT) {
        result_error(r, "the server did not answer in time");
        r->timed_out = true;
    } else if (client->limit_error != NULL) {
        result_error(r, "%s", client->limit_error);
    } else {
        result_error(r, "the server could not be asked: %s",
                     client->error[0] != '\0' ? client->error : curl_easy_strerror(code));
    }
}

/* Hints for the administrator about a status. */
static const struct {
    long status;
    const char *hint;
} statuses[] = {
    { 400, ": the request is wrong, or the client is unknown to it" },
    { 401, ": it does not accept our credentials (client_id=, secret_file=, bearer_file=)" },
    { 403, ": it does not let this client introspect" },
    { 404, ": there is no introspection endpoint (url=)" },
    { 429, ": it is asked too often (cache=)" },
};

static void status_error(long status, struct result *r)
{
    const char *hint = status / 100 == 3 ? ": redirects are not followed (url=)" : "";

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].status == status)
            hint = statuses[i].hint;
    result_error(r, "the server answered with status %ld%s", status, hint);
}

bool http_post(struct http_client *client, const char *hint, struct slice value, int64_t deadline,
               struct slice *body, struct result *r)
{
    char *type = NULL;
    long status = 0;

    if (!set_request(client, hint, value)) {
        result_error(r, "out of memory");
        return false;
    }
    CURLcode code = perform(client, deadline, false);
    if (reused_connection_failed(client, code))
        code = perform(client, deadline, true);
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(client->curl, CURLINFO_CONTENT_TYPE, &type);
    if (code != CURLE_OK)
        transport_error(client, code, r);
    else if (!client->has_status)
        result_error(r, "the server could not be asked: its answer is not HTTP/1");
    else if (status != 200)
        status_error(status, r);
    else if (!is_json(type))
        result_error(r, "the server's answer is not application/json");
    *body = (struct slice){ client->response, client->response_length };
    return code == CURLE_OK && client->has_status && status == 200 && is_json(type);
}
