/*
 * entry.h
 *	  The way from a caller to the functions of schema cdc_inner; see entry.c.
 */
#ifndef CDC_ENTRY_H
#define CDC_ENTRY_H

/* From here on who cannot be told reads none of our tables; called once, when the library is loaded. */
extern void cdc_entry_init(void);

#endif							/* CDC_ENTRY_H */
