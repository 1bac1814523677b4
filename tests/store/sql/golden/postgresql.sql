-- the newest
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC
 LIMIT %(param_1)s::INTEGER;

-- an equal entry
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM attribute_index JOIN traces ON traces.trace_key = attribute_index.trace_key
WHERE attribute_index.kind = %(kind_1)s::SMALLINT AND attribute_index.key = %(key_1)s::VARCHAR COLLATE "C" AND attribute_index.value = %(value_1)s::VARCHAR COLLATE "C" ORDER BY attribute_index.timestamp_ms DESC, traces.trace_id ASC
 LIMIT %(param_1)s::INTEGER;

-- two equal entries
SELECT (SELECT count(*) AS count_1
FROM (SELECT attribute_index.trace_key AS trace_key
FROM attribute_index
WHERE attribute_index.kind = %(kind_1)s::SMALLINT AND attribute_index.key = %(key_1)s::VARCHAR COLLATE "C" AND attribute_index.value = %(value_1)s::VARCHAR COLLATE "C"
 LIMIT %(param_1)s::INTEGER) AS anon_1) AS weight_0, (SELECT count(*) AS count_2
FROM (SELECT attribute_index.trace_key AS trace_key
FROM attribute_index
WHERE attribute_index.kind = %(kind_2)s::SMALLINT AND attribute_index.key = %(key_2)s::VARCHAR COLLATE "C" AND attribute_index.value = %(value_2)s::VARCHAR COLLATE "C"
 LIMIT %(param_2)s::INTEGER) AS anon_2) AS weight_1, (SELECT max(traces.trace_key) AS max_1
FROM traces) AS total;
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM attribute_index JOIN traces ON traces.trace_key = attribute_index.trace_key
WHERE attribute_index.kind = %(kind_1)s::SMALLINT AND attribute_index.key = %(key_1)s::VARCHAR COLLATE "C" AND attribute_index.value = %(value_1)s::VARCHAR COLLATE "C" AND (EXISTS (SELECT *
FROM attribute_index AS attribute_index_1
WHERE attribute_index_1.kind = %(kind_2)s::SMALLINT AND attribute_index_1.key = %(key_2)s::VARCHAR COLLATE "C" AND attribute_index_1.value = %(value_2)s::VARCHAR COLLATE "C" AND attribute_index_1.timestamp_ms = attribute_index.timestamp_ms AND attribute_index_1.trace_key = attribute_index.trace_key)) ORDER BY attribute_index.timestamp_ms DESC, traces.trace_id ASC
 LIMIT %(param_1)s::INTEGER;

-- a value longer than the index
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM attribute_index JOIN traces ON traces.trace_key = attribute_index.trace_key
WHERE attribute_index.kind = %(kind_1)s::SMALLINT AND attribute_index.key = %(key_1)s::VARCHAR COLLATE "C" AND attribute_index.value = %(value_1)s::VARCHAR COLLATE "C" AND attribute_index.whole_value = %(whole_value_1)s::VARCHAR COLLATE "C" ORDER BY attribute_index.timestamp_ms DESC, traces.trace_id ASC;

-- a value as long as the index
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM attribute_index JOIN traces ON traces.trace_key = attribute_index.trace_key
WHERE attribute_index.kind = %(kind_1)s::SMALLINT AND attribute_index.key = %(key_1)s::VARCHAR COLLATE "C" AND attribute_index.value = %(value_1)s::VARCHAR COLLATE "C" AND attribute_index.whole_value IS NULL ORDER BY attribute_index.timestamp_ms DESC, traces.trace_id ASC;

-- entries compared otherwise
SELECT (SELECT count(*) AS count_1
FROM (SELECT attribute_index.trace_key AS trace_key
FROM attribute_index
WHERE attribute_index.kind = %(kind_1)s::SMALLINT AND attribute_index.key = %(key_1)s::VARCHAR COLLATE "C"
 LIMIT %(param_1)s::INTEGER) AS anon_1) AS weight_0, (SELECT count(*) AS count_2
FROM (SELECT attribute_index.trace_key AS trace_key
FROM attribute_index
WHERE attribute_index.kind = %(kind_2)s::SMALLINT AND attribute_index.key = %(key_2)s::VARCHAR COLLATE "C" AND attribute_index.value IN (__[POSTCOMPILE_value_1])
 LIMIT %(param_2)s::INTEGER) AS anon_2) AS weight_1, (SELECT count(*) AS count_3
FROM (SELECT attribute_index.trace_key AS trace_key
FROM attribute_index
WHERE attribute_index.kind = %(kind_3)s::SMALLINT AND attribute_index.key = %(key_3)s::VARCHAR COLLATE "C"
 LIMIT %(param_3)s::INTEGER) AS anon_3) AS weight_2, (SELECT count(*) AS count_4
FROM (SELECT attribute_index.trace_key AS trace_key
FROM attribute_index
WHERE attribute_index.kind = %(kind_4)s::SMALLINT AND attribute_index.key = %(key_4)s::VARCHAR COLLATE "C"
 LIMIT %(param_4)s::INTEGER) AS anon_4) AS weight_3, (SELECT max(traces.trace_key) AS max_1
FROM traces) AS total;
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE (CAST(traces.tags AS JSONB) ->> %(param_1)s::TEXT) != %(param_2)s::VARCHAR AND (EXISTS (SELECT *
FROM attribute_index AS attribute_index_1
WHERE attribute_index_1.kind = %(kind_1)s::SMALLINT AND attribute_index_1.key = %(key_1)s::VARCHAR COLLATE "C" AND attribute_index_1.value IN (__[POSTCOMPILE_value_1]) AND attribute_index_1.timestamp_ms = traces.timestamp_ms AND attribute_index_1.trace_key = traces.trace_key)) AND (CAST(traces.metadata AS JSONB) ->> %(param_3)s::TEXT) != %(param_4)s::VARCHAR AND (CAST(traces.tags AS JSONB) ->> %(param_5)s::TEXT) IS NULL AND (CAST(traces.tags AS JSONB) ->> %(param_6)s::TEXT) IS NOT NULL AND coalesce((CAST(traces.tags AS JSONB) ->> %(param_7)s::TEXT), traces.name) = %(coalesce_1)s::VARCHAR ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- walked by a pattern
SELECT (SELECT count(*) AS count_1
FROM (SELECT attribute_index.trace_key AS trace_key
FROM attribute_index
WHERE attribute_index.kind = %(kind_1)s::SMALLINT AND attribute_index.key = %(key_1)s::VARCHAR COLLATE "C" AND attribute_index.value LIKE %(value_1)s::VARCHAR COLLATE "C"
 LIMIT %(param_1)s::INTEGER) AS anon_1) AS weight_0, (SELECT max(traces.trace_key) AS max_1
FROM traces) AS total;
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM attribute_index JOIN traces ON traces.trace_key = attribute_index.trace_key
WHERE attribute_index.kind = %(kind_1)s::SMALLINT AND attribute_index.key = %(key_1)s::VARCHAR COLLATE "C" AND attribute_index.value LIKE %(value_1)s::VARCHAR COLLATE "C" AND coalesce(attribute_index.whole_value, attribute_index.value) LIKE %(coalesce_1)s::VARCHAR ORDER BY attribute_index.timestamp_ms DESC, traces.trace_id ASC;

-- patterns
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE traces.name LIKE %(name_1)s::VARCHAR COLLATE "C" AND lower(traces.name COLLATE "C") LIKE lower(%(param_1)s::VARCHAR COLLATE "C") AND traces.status = %(status_1)s::VARCHAR COLLATE "C" ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- an expression
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE traces.name IS NOT NULL ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- columns
SELECT (SELECT count(*) AS count_1
FROM (SELECT traces.trace_key AS trace_key
FROM traces
WHERE traces.execution_time_ms IS NOT NULL
 LIMIT %(param_1)s::INTEGER) AS anon_1) AS weight_0, (SELECT count(*) AS count_2
FROM (SELECT traces.trace_key AS trace_key
FROM traces
WHERE traces.status = %(status_1)s::VARCHAR COLLATE "C" AND traces.timestamp_ms >= %(timestamp_ms_1)s::BIGINT
 LIMIT %(param_2)s::INTEGER) AS anon_2) AS weight_1, (SELECT max(traces.trace_key) AS max_1
FROM traces) AS total;
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE traces.status = %(status_1)s::VARCHAR COLLATE "C" AND traces.name IS NOT NULL AND traces.client_request_id != %(client_request_id_1)s::VARCHAR COLLATE "C" AND traces.timestamp_ms >= %(timestamp_ms_1)s::BIGINT AND traces.execution_time_ms IS NOT NULL AND traces.timestamp_ms + coalesce(traces.execution_time_ms, %(coalesce_1)s::INTEGER) != %(param_1)s::BIGINT ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- ids
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE traces.trace_id IN (__[POSTCOMPILE_trace_id_1]) ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- text of ids
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE (%(param_1)s::VARCHAR || encode(traces.trace_id, %(encode_1)s::VARCHAR)) LIKE %(param_2)s::VARCHAR ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- computed entries
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE (%(param_1)s::VARCHAR || %(param_2)s::VARCHAR || encode(traces.trace_id, %(encode_1)s::VARCHAR)) != %(param_3)s::VARCHAR AND CAST(traces.size_bytes AS TEXT) = %(param_4)s::VARCHAR AND traces.name = %(name_1)s::VARCHAR COLLATE "C" AND octet_length(traces.name) <= 2048 AND %(param_5)s::VARCHAR = %(param_6)s::VARCHAR ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- one span
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE traces.status = %(status_1)s::VARCHAR COLLATE "C" AND (EXISTS (SELECT span_kinds.kind_key
FROM span_kinds
WHERE span_kinds.name = %(name_1)s::VARCHAR COLLATE "C" AND span_kinds.type != %(type_1)s::VARCHAR COLLATE "C")) AND (EXISTS (SELECT *
FROM spans
WHERE spans.trace_key = traces.trace_key AND spans.kind_key = ANY (array((SELECT span_kinds.kind_key
FROM span_kinds
WHERE span_kinds.name = %(name_2)s::VARCHAR COLLATE "C" AND span_kinds.type != %(type_2)s::VARCHAR COLLATE "C"))))) ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- the body of a span
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE (EXISTS (SELECT span_kinds.kind_key
FROM span_kinds
WHERE span_kinds.name = %(name_1)s::VARCHAR COLLATE "C")) AND (EXISTS (SELECT *
FROM spans
WHERE spans.trace_key = traces.trace_key AND spans.kind_key = ANY (array((SELECT span_kinds.kind_key
FROM span_kinds
WHERE span_kinds.name = %(name_2)s::VARCHAR COLLATE "C"))))) ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- in experiments
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM attribute_index JOIN traces ON traces.trace_key = attribute_index.trace_key
WHERE attribute_index.kind = %(kind_1)s::SMALLINT AND attribute_index.key = %(key_1)s::VARCHAR COLLATE "C" AND attribute_index.value = %(value_1)s::VARCHAR COLLATE "C" AND traces.experiment_id IN (__[POSTCOMPILE_experiment_id_1]) ORDER BY attribute_index.timestamp_ms DESC, traces.trace_id ASC;

-- in no experiment
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE false ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- a later page
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM attribute_index JOIN traces ON traces.trace_key = attribute_index.trace_key
WHERE attribute_index.kind = %(kind_1)s::SMALLINT AND attribute_index.key = %(key_1)s::VARCHAR COLLATE "C" AND attribute_index.value = %(value_1)s::VARCHAR COLLATE "C" AND attribute_index.timestamp_ms <= %(timestamp_ms_1)s::BIGINT AND (attribute_index.timestamp_ms < %(timestamp_ms_2)s::BIGINT OR attribute_index.timestamp_ms = %(timestamp_ms_3)s::BIGINT AND traces.trace_id > %(trace_id_1)s) ORDER BY attribute_index.timestamp_ms DESC, traces.trace_id ASC;

-- a page in another order
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE traces.execution_time_ms IS NULL AND traces.timestamp_ms < %(timestamp_ms_1)s::BIGINT OR traces.execution_time_ms IS NULL AND traces.timestamp_ms = %(timestamp_ms_2)s::BIGINT AND traces.trace_id > %(trace_id_1)s ORDER BY traces.execution_time_ms DESC NULLS LAST, traces.timestamp_ms DESC, traces.trace_id ASC
 LIMIT %(param_1)s::INTEGER;

-- in the order of an entry
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes, (CAST(traces.tags AS JSONB) ->> %(param_1)s::TEXT) COLLATE "C" AS order_0
FROM traces ORDER BY (CAST(traces.tags AS JSONB) ->> %(param_1)s::TEXT) COLLATE "C" ASC NULLS LAST, traces.timestamp_ms DESC, traces.trace_id ASC
 LIMIT %(param_2)s::INTEGER;
