/* What keys do. */
#ifndef PLAYCOUNT_MONITOR_KEYS_H
#define PLAYCOUNT_MONITOR_KEYS_H

#include "client/monitor/screen.h"
#include "client/monitor/views.h"

/* Change what is chosen. False: the user wants to leave. */
bool keys_take(choices *chosen, screen_key key, wchar_t character, int height);

#endif
