// Calls of Envoy for main.go, which cannot call a weak function.

#include "module.h"

void corsd_log(int level, const char *text, size_t length) {
  envoy_dynamic_module_callback_log(level, (struct text){text, length});
}

bool corsd_logs(int level) { return envoy_dynamic_module_callback_log_enabled(level); }

bool corsd_validates(void) {
  return envoy_dynamic_module_callback_is_validation_mode && envoy_dynamic_module_callback_is_validation_mode();
}

bool corsd_define_counter(void *envoy, const char *name, size_t length, size_t *id) {
  struct text text = {name, length};
  return envoy_dynamic_module_callback_http_filter_config_define_counter(envoy, text, NULL, 0, id) == 0;
}

// Figures that change without a request need callbacks that Envoy has from 1.39 on.
bool corsd_define_gauge(void *envoy, const char *name, size_t length, size_t *id) {
  struct text text = {name, length};
  return envoy_dynamic_module_callback_http_filter_config_set_gauge &&
         envoy_dynamic_module_callback_http_filter_config_increment_counter &&
         envoy_dynamic_module_callback_http_filter_config_define_gauge(envoy, text, NULL, 0, id) == 0;
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

void corsd_schedule(void *scheduler) {
  envoy_dynamic_module_callback_http_filter_config_scheduler_commit(scheduler, 0);
}

void corsd_unschedule(void *scheduler) {
  envoy_dynamic_module_callback_http_filter_config_scheduler_delete(scheduler);
}
