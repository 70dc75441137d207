// What answers do: headers of responses, responses in upstream's place, and what the access log and statistics have of
// a decision.

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "module.h"

struct header *corsd_read_headers(void *filter, enum header_type type, struct header *own, size_t *count) {
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
// Envoy's memory is only valid until then. A round removes at least one name, so that few rounds remove all.
static void strip(void *filter) {
  struct header own[STACK_HEADERS];
  char names[1024];
  bool more = true;
  for (int round = 0; more && round < 1000; round++) { // a worker is never held, whatever Envoy does
    size_t count, used = 0;
    struct header *headers = corsd_read_headers(filter, RESPONSE_HEADER, own, &count);
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

void corsd_edit(void *filter, const char *answer, size_t length) {
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

void corsd_respond(void *filter, const char *answer, size_t length) {
  struct head head;
  memcpy(&head, answer, sizeof head);
  struct header headers[32];
  struct text details = {0};
  struct item item;
  struct header text;
  size_t count = 0;
  for (const char *at = answer + sizeof head; next_item(&at, answer + length, &item, &text);) {
    if (item.op == SET && count < sizeof headers / sizeof *headers) {
      headers[count++] = text;
    } else if (item.op == DETAILS) {
      details = text.value;
    }
  }
  envoy_dynamic_module_callback_http_send_response(filter, head.status, headers, count, (struct text){"", 0}, details);
}

// set_metadata sets values of dynamic metadata. Where Envoy can set them at once, that is cheaper.
static void set_metadata(void *filter, const struct header *facts, size_t count) {
  if (envoy_dynamic_module_callback_http_set_dynamic_metadata_string_batch) {
    envoy_dynamic_module_callback_http_set_dynamic_metadata_string_batch(filter, TEXT("corsd"), facts, count);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    envoy_dynamic_module_callback_http_set_dynamic_metadata_string(filter, TEXT("corsd"), facts[i].name, facts[i].value);
  }
}

void corsd_report(void *filter, const struct config *c, const char *answer, size_t length) {
  struct head head;
  memcpy(&head, answer, sizeof head);
  if (head.flags & PANICKED) {
    envoy_dynamic_module_callback_http_filter_increment_counter(filter, c->panics, NULL, 0, 1);
    return;
  }
  size_t counter = c->decisions[head.verdict][head.reason];
  envoy_dynamic_module_callback_http_filter_increment_counter(filter, counter, NULL, 0, 1);
  struct header facts[4];
  size_t count = 0;
  struct item item;
  for (const char *at = answer + sizeof head; next_item(&at, answer + length, &item, &facts[count]);) {
    if (item.op == FACT && ++count == sizeof facts / sizeof *facts) {
      set_metadata(filter, facts, count);
      count = 0;
    }
  }
  if (count > 0) {
    set_metadata(filter, facts, count);
  }
}
