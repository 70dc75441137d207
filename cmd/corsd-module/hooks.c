// The hooks that Envoy calls. Go is entered once for a request that is decided on, and a second time only
// if the response has to be seen: an entry costs more than the decision.

#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"
#include "module.h"

#define HOOK(type, name) type envoy_dynamic_module_on_##name

enum { STACK_ANSWER = 2048 };

// One exchange.
struct stream {
  struct config *config;
  uintptr_t rest;   // see struct answer
  char *edit;       // the answer that edits the response, null if there is none
  size_t length;    // of edit
};

HOOK(const char *, program_init)(void) {
  bool complete = envoy_dynamic_module_callback_log && envoy_dynamic_module_callback_log_enabled &&
                  envoy_dynamic_module_callback_http_get_header &&
                  envoy_dynamic_module_callback_http_get_headers_size &&
                  envoy_dynamic_module_callback_http_get_headers &&
                  envoy_dynamic_module_callback_http_set_header &&
                  envoy_dynamic_module_callback_http_send_response &&
                  envoy_dynamic_module_callback_http_set_dynamic_metadata_string &&
                  envoy_dynamic_module_callback_get_most_specific_route_config &&
                  envoy_dynamic_module_callback_http_filter_config_define_counter &&
                  envoy_dynamic_module_callback_http_filter_increment_counter;
  if (!complete && envoy_dynamic_module_callback_log) {
    envoy_dynamic_module_callback_log(
        LOG_ERROR, TEXT("corsd: this Envoy lacks a callback that corsd needs; use Envoy 1.38 to 1.40"));
  }
  return complete ? ABI_VERSION : NULL;
}

// Filters and routes.

HOOK(const void *, http_filter_config_new)(void *envoy, struct text name, struct text text) {
  (void)name;
  struct config *c = calloc(1, sizeof *c);
  if (c == NULL) {
    return NULL;
  }
  c->envoy = envoy;
  if (!corsdOpen(c, (char *)text.data, text.length)) {
    free(c);
    return NULL;
  }
  return c;
}

HOOK(void, http_filter_config_destroy)(const void *config) {
  struct config *c = (struct config *)config;
  corsdClose(c);
  free(c);
}

HOOK(void, http_filter_config_scheduled)(void *envoy, const void *config, uint64_t event) {
  (void)envoy, (void)event;
  corsdPublish((struct config *)config);
}

// The configuration of a route is its selector.
HOOK(const void *, http_filter_per_route_config_new)(struct text name, struct text text) {
  (void)name;
  struct text selector = {0};
  if (!corsdSelector((char *)text.data, text.length, &selector)) {
    return NULL;
  }
  struct text *route = malloc(sizeof *route);
  if (route != NULL) {
    *route = selector;
  } else {
    free((char *)selector.data);
  }
  return route;
}

HOOK(void, http_filter_per_route_config_destroy)(const void *config) {
  struct text *route = (struct text *)config;
  free((char *)route->data);
  free(route);
}

// Streams.

HOOK(const void *, http_filter_new)(const void *config, void *filter) {
  (void)filter;
  struct stream *s = calloc(1, sizeof *s);
  if (s != NULL) {
    s->config = (struct config *)config;
  }
  return s;
}

HOOK(void, http_filter_destroy)(const void *stream) {
  struct stream *s = (struct stream *)stream;
  if (s->rest != 0) {
    corsdRelease(s->rest);
  }
  free(s->edit);
  free(s);
}

// has_origin reports an Origin that is not empty.
static bool has_origin(void *filter) {
  struct text value = {0};
  size_t count = 0;
  envoy_dynamic_module_callback_http_get_header(filter, REQUEST_HEADER, TEXT("origin"), &value, 0, &count);
  for (size_t i = 1; value.length == 0 && i < count; i++) {
    envoy_dynamic_module_callback_http_get_header(filter, REQUEST_HEADER, TEXT("origin"), &value, i, NULL);
  }
  return value.length > 0;
}

// keep keeps the answer for the response. Without memory the response is stripped.
static void keep(struct stream *s, const char *answer, size_t length) {
  static const struct head stripped = {EDIT, STRIP | VARY_ORIGIN, 0, 0, 0};
  s->edit = malloc(length);
  if (s->edit != NULL) {
    memcpy(s->edit, answer, length);
  } else if ((s->edit = malloc(sizeof stripped)) != NULL) {
    memcpy(s->edit, &stripped, sizeof stripped);
    length = sizeof stripped;
  }
  s->length = length;
}

// decide gets the answer to a request: from memory, or from Go.
static void decide(void *filter, struct config *c, struct answer *a) {
  struct header own[STACK_HEADERS];
  size_t count;
  struct header *headers = corsd_read_headers(filter, REQUEST_HEADER, own, &count);
  if (headers == NULL) {
    count = 0;
  }
  const struct text *route = envoy_dynamic_module_callback_get_most_specific_route_config(filter);
  struct key key;
  // The generation is read before Go decides: a decision by older policies is not remembered as one by newer ones.
  uint64_t generation = __atomic_load_n(&c->generation, __ATOMIC_ACQUIRE);
  bool remembers = c->remembers && corsd_key(&key, generation, route, headers, count);
  if (!remembers || !corsd_recall(&key, a)) {
    corsdRequest(c->handle, (struct text *)route, headers, count, a);
    if (remembers) {
      corsd_remember(&key, a);
    }
  }
  if (headers != own) {
    free(headers);
  }
}

HOOK(enum status, http_filter_request_headers)(void *filter, const void *stream, bool end) {
  (void)end;
  struct stream *s = (struct stream *)stream;
  if (!s->config->all && !has_origin(filter)) {
    return CONTINUE;
  }
  char room[STACK_ANSWER];
  struct answer a = {room, sizeof room, 0, false};
  decide(filter, s->config, &a);
  corsd_report(filter, s->config, a.data, a.length);
  s->rest = a.rest;
  uint8_t kind = (uint8_t)*a.data;
  if (kind == EDIT) {
    keep(s, a.data, a.length);
  } else if (kind == RESPOND) {
    corsd_respond(filter, a.data, a.length);
  }
  if (a.allocated) {
    free(a.data);
  }
  return kind == RESPOND ? STOP_ITERATION : CONTINUE;
}

// is_informational reports a status of 1xx.
static bool is_informational(void *filter) {
  struct text status = {0};
  envoy_dynamic_module_callback_http_get_header(filter, RESPONSE_HEADER, TEXT(":status"), &status, 0, NULL);
  return status.length == 3 && status.data[0] == '1';
}

HOOK(enum status, http_filter_response_headers)(void *filter, const void *stream, bool end) {
  (void)end;
  struct stream *s = (struct stream *)stream;
  if (s->edit != NULL && !is_informational(filter)) {
    corsd_edit(filter, s->edit, s->length);
  }
  if (s->rest == 0) {
    return CONTINUE;
  }
  struct header own[STACK_HEADERS];
  char room[STACK_ANSWER];
  struct answer a = {room, sizeof room, 0, false};
  size_t count;
  struct header *headers = corsd_read_headers(filter, RESPONSE_HEADER, own, &count);
  corsdResponse(s->rest, headers, headers ? count : 0, &a);
  s->rest = 0;
  if (headers != own) {
    free(headers);
  }
  struct head head;
  memcpy(&head, a.data, sizeof head);
  if (head.flags & PANICKED) {
    envoy_dynamic_module_callback_http_filter_increment_counter(filter, s->config->panics, NULL, 0, 1);
  }
  corsd_edit(filter, a.data, a.length);
  if (a.allocated) {
    free(a.data);
  }
  return CONTINUE;
}

// Hooks that Envoy looks for, and that have nothing to do. Their parameters are not declared, since they are not
// read. Those with a result continue (0).
#define EMPTY(name) \
  HOOK(int, name)(void) { return CONTINUE; }
EMPTY(http_filter_request_body)
EMPTY(http_filter_request_trailers)
EMPTY(http_filter_response_body)
EMPTY(http_filter_response_trailers)
EMPTY(http_filter_stream_complete)
EMPTY(http_filter_http_callout_done)
EMPTY(http_filter_downstream_below_write_buffer_low_watermark)
EMPTY(http_filter_downstream_above_write_buffer_high_watermark)
EMPTY(http_filter_scheduled)
EMPTY(http_filter_http_stream_reset)
EMPTY(http_filter_http_stream_complete)
EMPTY(http_filter_http_stream_trailers)
EMPTY(http_filter_http_stream_data)
EMPTY(http_filter_http_stream_headers)
