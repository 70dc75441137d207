// The part of Envoy's ABI for dynamic modules that this module uses: Envoy 1.38 and 1.39 (v0.1.0) and 1.40
// (v0.2.0), source/extensions/dynamic_modules/abi/abi.h. Names are Envoy's, types are shortened.
//
// Callbacks are weak: one that an Envoy does not have is null. From 1.38 on Envoy accepts a module of any
// version with a warning, so each is looked for (envoy_dynamic_module_on_program_init in hooks.c).
#ifndef CORSD_ABI_H
#define CORSD_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ABI_VERSION "v0.2.0"

struct text { // the ABI's envoy_buffer and module_buffer
  const char *data;
  size_t length;
};

struct header { // its envoy_http_header and module_http_header
  struct text name;
  struct text value;
};

enum header_type { REQUEST_HEADER, REQUEST_TRAILER, RESPONSE_HEADER, RESPONSE_TRAILER };
enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_CRITICAL, LOG_OFF };
enum status { CONTINUE, STOP_ITERATION }; // of every hook; 0 is success of a metric's callback, too

#define CALLBACK(type, name) __attribute__((weak)) type envoy_dynamic_module_callback_##name

CALLBACK(void, log)(enum log_level level, struct text message);
CALLBACK(bool, log_enabled)(enum log_level level);
CALLBACK(bool, is_validation_mode)(void); // on the main thread only

CALLBACK(bool, http_get_header)(void *filter, enum header_type type, struct text name, struct text *value,
                                size_t index, size_t *count);
CALLBACK(size_t, http_get_headers_size)(void *filter, enum header_type type);
CALLBACK(bool, http_get_headers)(void *filter, enum header_type type, struct header *headers);
// A value whose data is null removes the header.
CALLBACK(bool, http_set_header)(void *filter, enum header_type type, struct text name, struct text value);
CALLBACK(void, http_send_response)(void *filter, uint32_t status, struct header *headers, size_t count,
                                   struct text body, struct text details);
CALLBACK(void, http_set_dynamic_metadata_string)(void *filter, struct text space, struct text key, struct text value);
// Since 1.39.1. An entry is as a header.
CALLBACK(void, http_set_dynamic_metadata_string_batch)(void *filter, struct text space, const struct header *entries,
                                                       size_t count);
CALLBACK(const void *, get_most_specific_route_config)(void *filter);

CALLBACK(int, http_filter_config_define_counter)(void *config, struct text name, struct text *labels, size_t count,
                                                 size_t *id);
CALLBACK(int, http_filter_increment_counter)(void *filter, size_t id, struct text *labels, size_t count, uint64_t by);
CALLBACK(int, http_filter_config_increment_counter)(void *config, size_t id, struct text *labels, size_t count,
                                                    uint64_t by);
CALLBACK(int, http_filter_config_define_gauge)(void *config, struct text name, struct text *labels, size_t count,
                                               size_t *id);
CALLBACK(int, http_filter_config_set_gauge)(void *config, size_t id, struct text *labels, size_t count, uint64_t to);

// A scheduler lets any thread call a hook on Envoy's main thread.
CALLBACK(void *, http_filter_config_scheduler_new)(void *config);
CALLBACK(void, http_filter_config_scheduler_commit)(void *scheduler, uint64_t event);
CALLBACK(void, http_filter_config_scheduler_delete)(void *scheduler);

#endif
