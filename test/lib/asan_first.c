/*
 * asan_first.c
 *	  Preloaded beside libasan: wakes it before any other library's constructor runs.
 *
 * Else it wakes at the first malloc, which is within gnutls' call of bindtextdomain(),
 * and what it asks of the linker then leaves the lock of gettext held for ever.
 */
#include <stdlib.h>

__attribute__((constructor)) static void
wake(void)
{
	free(malloc(1));
}
