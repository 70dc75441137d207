// The hooks that Envoy calls. Go is entered once for a request that is decided on, and a second time only
// if the response has to be seen: an entry costs more than the decision.

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "_cgo_export.h"
#include "module.h"

#define HOOK(type, name) type envoy_dynamic_module_on_##name
#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})

enum { STACK_HEADERS = 96, STACK_ANSWER = 2048 };

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
    envoy_dynamic_module_callback_log(LOG_ERROR, TEXT("corsd: this Envoy lacks a callback that corsd needs; use Envoy 1.38 to 1.40"));
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

// Headers.

// read_headers returns the headers of a message: in those of the caller if they suffice, or else to be freed. It
// returns null if there is no memory.
static struct header *read_headers(void *filter, enum header_type type, struct header *own, size_t *count) {
  struct header *headers = own;
  *count = envoy_dynamic_module_callback_http_get_headers_size(filter, type);
  if (*count > STACK_HEADERS) {
    headers = malloc(*count * sizeof *headers);
  }
  if (headers != NULL && !envoy_dynamic_module_callback_http_get_headers(filter, type, headers)) {
    *count = 0;
  }
  return headers;
}

static void set_header(void *filter, struct text name, struct text value) {
  envoy_dynamic_module_callback_http_set_header(filter, RESPONSE_HEADER, name, value);
}

static bool has_prefix(struct text name, struct text prefix) {
  return name.length > prefix.length && memcmp(name.data, prefix.data, prefix.length) == 0;
}

// strip removes all access-control-* headers of the response. The names are copied before any is removed, since
// Envoy's memory is only valid until then.
static void strip(void *filter) {
  struct header own[STACK_HEADERS];
  char names[1024];
  for (bool more = true; more;) {
    size_t count, used = 0;
    struct header *headers = read_headers(filter, RESPONSE_HEADER, own, &count);
    struct text found[STACK_HEADERS];
    size_t n = 0;
    more = false;
    for (size_t i = 0; headers != NULL && i < count; i++) {
      struct text name = headers[i].name;
      if (!has_prefix(name, TEXT("access-control-")) || name.length > sizeof names) { // no CORS header is so long
        continue;
      }
      if (n == STACK_HEADERS || name.length > sizeof names - used) {
        more = true;
        break;
      }
      found[n++] = (struct text){memcpy(names + used, name.data, name.length), name.length};
      used += name.length;
    }
    if (headers != own) {
      free(headers);
    }
    for (size_t i = 0; i < n; i++) {
      set_header(filter, found[i], (struct text){NULL, 0});
    }
  }
}

// next_element returns the next element of a comma-separated list, without the blanks around it, and moves the list
// behind it.
static struct text next_element(struct text *list) {
  const char *end = list->data + list->length;
  const char *comma = memchr(list->data, ',', list->length);
  struct text element = {list->data, (size_t)((comma ? comma : end) - list->data)};
  list->data = comma ? comma + 1 : end;
  list->length = (size_t)(end - list->data);
  while (element.length > 0 && (*element.data == ' ' || *element.data == '\t')) {
    element.data++, element.length--;
  }
  while (element.length > 0 && (element.data[element.length - 1] == ' ' || element.data[element.length - 1] == '\t')) {
    element.length--;
  }
  return element;
}

static bool names_origin(struct text line) {
  while (line.length > 0) {
    struct text e = next_element(&line);
    if ((e.length == 1 && *e.data == '*') || (e.length == 6 && strncasecmp(e.data, "origin", 6) == 0)) {
      return true;
    }
  }
  return false;
}

// vary_origin adds Origin to Vary, in one line, if no line has it.
static void vary_origin(void *filter) {
  struct text name = TEXT("vary"), line;
  size_t count = 0, length = sizeof "Origin";
  envoy_dynamic_module_callback_http_get_header(filter, RESPONSE_HEADER, name, &line, 0, &count);
  for (size_t i = 0; i < count; i++) {
    envoy_dynamic_module_callback_http_get_header(filter, RESPONSE_HEADER, name, &line, i, NULL);
    if (names_origin(line)) {
      return;
    }
    length += line.length + 2;
  }
  char own[256], *joined = length <= sizeof own ? own : malloc(length), *end = joined;
  for (size_t i = 0; joined != NULL && i < count; i++) {
    envoy_dynamic_module_callback_http_get_header(filter, RESPONSE_HEADER, name, &line, i, NULL);
    end = memcpy(end, line.data, line.length) + line.length;
    if (line.length > 0) {
      *end++ = ',', *end++ = ' ';
    }
  }
  if (joined == NULL) { // no memory: caches must not mix origins, whatever else they lose
    set_header(filter, name, TEXT("*"));
    return;
  }
  end = (char *)memcpy(end, "Origin", 6) + 6;
  set_header(filter, name, (struct text){joined, (size_t)(end - joined)});
  if (joined != own) {
    free(joined);
  }
}

// Answers.

// next_item returns the next item of an answer, and false at its end.
static bool next_item(const char **at, const char *end, struct item *item, struct header *text) {
  if (*at >= end) {
    return false;
  }
  memcpy(item, *at, sizeof *item);
  text->name = (struct text){*at + sizeof *item, item->name};
  text->value = (struct text){text->name.data + item->name, item->value};
  *at = text->value.data + item->value;
  return true;
}

// edit edits the response by an answer.
static void edit(void *filter, const char *answer, size_t length) {
  struct head head;
  memcpy(&head, answer, sizeof head);
  struct item item;
  struct header text;
  if (head.flags & STRIP) {
    strip(filter);
  }
  for (const char *at = answer + sizeof head; next_item(&at, answer + length, &item, &text);) {
    if (item.op == SET) {
      set_header(filter, text.name, text.value);
    } else if (item.op == REMOVE) {
      set_header(filter, text.name, (struct text){NULL, 0});
    }
  }
  if (head.flags & VARY_ORIGIN) {
    vary_origin(filter);
  }
}

// respond answers in upstream's place.
static void respond(void *filter, const struct head *head, const char *answer, size_t length) {
  struct header headers[32];
  struct text details = {0};
  struct item item;
  struct header text;
  size_t count = 0;
  for (const char *at = answer + sizeof *head; next_item(&at, answer + length, &item, &text);) {
    if (item.op == SET && count < sizeof headers / sizeof *headers) {
      headers[count++] = text;
    } else if (item.op == DETAILS) {
      details = text.value;
    }
  }
  envoy_dynamic_module_callback_http_send_response(filter, head->status, headers, count, (struct text){"", 0}, details);
}

// report counts the decision and makes it dynamic metadata, as in %DYNAMIC_METADATA(corsd:reason)%.
static void report(void *filter, const struct config *c, const struct head *head, const char *answer, size_t length) {
  if (head->flags & PANICKED) {
    envoy_dynamic_module_callback_http_filter_increment_counter(filter, c->panics, NULL, 0, 1);
    return;
  }
  envoy_dynamic_module_callback_http_filter_increment_counter(filter, c->decisions[head->verdict][head->reason], NULL, 0, 1);
  struct header facts[8];
  struct item item;
  struct header text;
  size_t count = 0;
  for (const char *at = answer + sizeof *head; next_item(&at, answer + length, &item, &text);) {
    if (item.op == FACT && count < sizeof facts / sizeof *facts) {
      facts[count++] = text;
    }
  }
  if (envoy_dynamic_module_callback_http_set_dynamic_metadata_string_batch) {
    envoy_dynamic_module_callback_http_set_dynamic_metadata_string_batch(filter, TEXT("corsd"), facts, count);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    envoy_dynamic_module_callback_http_set_dynamic_metadata_string(filter, TEXT("corsd"), facts[i].name, facts[i].value);
  }
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

HOOK(enum status, http_filter_request_headers)(void *filter, const void *stream, bool end) {
  (void)end;
  struct stream *s = (struct stream *)stream;
  if (!s->config->all && !has_origin(filter)) {
    return CONTINUE;
  }
  struct header own[STACK_HEADERS];
  char room[STACK_ANSWER];
  struct answer a = {room, sizeof room, 0};
  size_t count;
  struct header *headers = read_headers(filter, REQUEST_HEADER, own, &count);
  const struct text *route = envoy_dynamic_module_callback_get_most_specific_route_config(filter);
  corsdRequest(s->config->handle, (struct text *)route, headers, headers ? count : 0, &a);
  if (headers != own) {
    free(headers);
  }
  struct head head;
  memcpy(&head, a.data, sizeof head);
  report(filter, s->config, &head, a.data, a.length);
  s->rest = a.rest;
  if (head.kind == EDIT) {
    keep(s, a.data, a.length);
  } else if (head.kind == RESPOND) {
    respond(filter, &head, a.data, a.length);
  }
  if (a.data != room) {
    free(a.data);
  }
  return head.kind == RESPOND ? STOP_ITERATION : CONTINUE;
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
    edit(filter, s->edit, s->length);
  }
  if (s->rest == 0) {
    return CONTINUE;
  }
  struct header own[STACK_HEADERS];
  char room[STACK_ANSWER];
  struct answer a = {room, sizeof room, 0};
  size_t count;
  struct header *headers = read_headers(filter, RESPONSE_HEADER, own, &count);
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
  edit(filter, a.data, a.length);
  if (a.data != room) {
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
// For main.go, which cannot call a weak function.

void corsd_log(int level, const char *text, size_t length) {
  envoy_dynamic_module_callback_log(level, (struct text){text, length});
}

bool corsd_logs(int level) { return envoy_dynamic_module_callback_log_enabled(level); }

bool corsd_define_counter(void *envoy, const char *name, size_t length, size_t *id) {
  return envoy_dynamic_module_callback_http_filter_config_define_counter(envoy, (struct text){name, length}, NULL, 0, id) == 0;
}

// Figures that change without a request need callbacks that Envoy has from 1.39 on.
bool corsd_define_gauge(void *envoy, const char *name, size_t length, size_t *id) {
  return envoy_dynamic_module_callback_http_filter_config_set_gauge &&
         envoy_dynamic_module_callback_http_filter_config_increment_counter &&
         envoy_dynamic_module_callback_http_filter_config_define_gauge(envoy, (struct text){name, length}, NULL, 0, id) == 0;
}

void corsd_add(void *envoy, size_t counter, uint64_t by) {
  envoy_dynamic_module_callback_http_filter_config_increment_counter(envoy, counter, NULL, 0, by);
}

void corsd_set(void *envoy, size_t gauge, uint64_t to) {
  envoy_dynamic_module_callback_http_filter_config_set_gauge(envoy, gauge, NULL, 0, to);
}

void *corsd_scheduler(void *envoy) {
  return envoy_dynamic_module_callback_http_filter_config_scheduler_new
             ? envoy_dynamic_module_callback_http_filter_config_scheduler_new(envoy)
             : NULL;
}

void corsd_schedule(void *scheduler) { envoy_dynamic_module_callback_http_filter_config_scheduler_commit(scheduler, 0); }

void corsd_unschedule(void *scheduler) { envoy_dynamic_module_callback_http_filter_config_scheduler_delete(scheduler); }
