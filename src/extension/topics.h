/*
 * topics.h
 *	  The name of a table's topic, as Debezium makes it.
 */
#ifndef CDC_TOPICS_H
#define CDC_TOPICS_H

/* table: as it is kept ("schema"."table", an ERROR otherwise); palloc'd. */
extern char *cdc_topic_name(const char *prefix, const char *table);

#endif							/* CDC_TOPICS_H */
