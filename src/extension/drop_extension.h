/*
 * drop_extension.h
 *	  The extension is not dropped while something that it made elsewhere would stay.
 */
#ifndef CDC_DROP_EXTENSION_H
#define CDC_DROP_EXTENSION_H

/* Installs the hook; from _PG_init while preloading. */
extern void cdc_drop_extension_init(void);

#endif							/* CDC_DROP_EXTENSION_H */
