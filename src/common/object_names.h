/*
 * object_names.h
 *	  How what pipelines have outside begins: roles, publications and slots on a
 *	  source, connectors on Kafka Connect.  The first part of the id follows.
 */
#ifndef CDC_OBJECT_NAMES_H
#define CDC_OBJECT_NAMES_H

#define CDC_OBJECT_PREFIX "mdb_pipeline_"
#define CDC_CONNECTOR_PREFIX "mdb-pipeline-"

/* What all pipelines of one database share there, after the installation's id: the schema and the event triggers of source_trigger.c. */
#define CDC_TRIGGER_PREFIX "mdb_pipelines_"
#define CDC_TRIGGER_DROP "_drop"

/* The publication beside the pipeline's own that has its tables without a key. */
#define CDC_INSERTS_END "_inserts"

#endif							/* CDC_OBJECT_NAMES_H */
