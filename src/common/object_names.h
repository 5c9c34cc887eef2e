/*
 * object_names.h
 *	  How what pipelines have outside begins: roles, publications and slots on a
 *	  source, connectors on Kafka Connect.  The first part of the id follows.
 */
#ifndef CDC_OBJECT_NAMES_H
#define CDC_OBJECT_NAMES_H

#define CDC_OBJECT_PREFIX "mdb_pipeline_"
#define CDC_CONNECTOR_PREFIX "mdb-pipeline-"

#endif							/* CDC_OBJECT_NAMES_H */
