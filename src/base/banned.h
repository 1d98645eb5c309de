/* Functions that no file of Rollcall may call, made compile errors.
 *
 * Forced into every project source by the build (-include). Each name is either unbounded (strcpy),
 * silently wrong on bad input (atoi), unsafe across threads (gmtime, strtok) or bypasses the
 * allocator hooks that the fault tests use (malloc outside base/mem.c).
 * Source: git's banned.h and curl's checksrc carry the same idea. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BANNED(name, instead) name##_is_banned_use_##instead

#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#undef strtok
#undef atoi
#undef atol
#undef strtol
#undef gmtime
#undef localtime
#undef rand
#undef system
#define strcpy(...) BANNED(strcpy, snprintf)
#define strcat(...) BANNED(strcat, buf_append)
#define strncpy(...) BANNED(strncpy, snprintf)
#define strncat(...) BANNED(strncat, buf_append)
#define sprintf(...) BANNED(sprintf, snprintf)
#define vsprintf(...) BANNED(vsprintf, vsnprintf)
#define strtok(...) BANNED(strtok, str_split)
#define atoi(...) BANNED(atoi, str_to_i64)
#define atol(...) BANNED(atol, str_to_i64)
#define strtol(...) BANNED(strtol, str_to_i64)
#define gmtime(...) BANNED(gmtime, time_format_iso)
#define localtime(...) BANNED(localtime, time_format_iso)
#define rand(...) BANNED(rand, randombytes_uniform)
#define system(...) BANNED(system, posix_spawn)

#undef malloc
#undef calloc
#undef realloc
#define malloc(...) BANNED(malloc, mem_alloc)
#define calloc(...) BANNED(calloc, mem_alloc)
#define realloc(...) BANNED(realloc, mem_resize)
