-- the newest
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC
 LIMIT ? OFFSET ?;

-- an equal entry
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM attribute_index JOIN traces ON traces.trace_key = attribute_index.trace_key
WHERE attribute_index.kind = ? AND attribute_index."key" = ? AND attribute_index.value = ? ORDER BY attribute_index.timestamp_ms DESC, traces.trace_id ASC
 LIMIT ? OFFSET ?;

-- two equal entries
SELECT (SELECT count(*) AS count_1
FROM (SELECT attribute_index.trace_key AS trace_key
FROM attribute_index
WHERE attribute_index.kind = ? AND attribute_index."key" = ? AND attribute_index.value = ?
 LIMIT ? OFFSET ?) AS anon_1) AS weight_0, (SELECT count(*) AS count_2
FROM (SELECT attribute_index.trace_key AS trace_key
FROM attribute_index
WHERE attribute_index.kind = ? AND attribute_index."key" = ? AND attribute_index.value = ?
 LIMIT ? OFFSET ?) AS anon_2) AS weight_1, (SELECT max(traces.trace_key) AS max_1
FROM traces) AS total;
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM attribute_index JOIN traces ON traces.trace_key = attribute_index.trace_key
WHERE attribute_index.kind = ? AND attribute_index."key" = ? AND attribute_index.value = ? AND (EXISTS (SELECT *
FROM attribute_index AS attribute_index_1
WHERE attribute_index_1.kind = ? AND attribute_index_1."key" = ? AND attribute_index_1.value = ? AND attribute_index_1.timestamp_ms = attribute_index.timestamp_ms AND attribute_index_1.trace_key = attribute_index.trace_key)) ORDER BY attribute_index.timestamp_ms DESC, traces.trace_id ASC
 LIMIT ? OFFSET ?;

-- a value longer than the index
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM attribute_index JOIN traces ON traces.trace_key = attribute_index.trace_key
WHERE attribute_index.kind = ? AND attribute_index."key" = ? AND attribute_index.value = ? AND attribute_index.whole_value = ? ORDER BY attribute_index.timestamp_ms DESC, traces.trace_id ASC;

-- a value as long as the index
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM attribute_index JOIN traces ON traces.trace_key = attribute_index.trace_key
WHERE attribute_index.kind = ? AND attribute_index."key" = ? AND attribute_index.value = ? AND attribute_index.whole_value IS NULL ORDER BY attribute_index.timestamp_ms DESC, traces.trace_id ASC;

-- entries compared otherwise
SELECT (SELECT count(*) AS count_1
FROM (SELECT attribute_index.trace_key AS trace_key
FROM attribute_index
WHERE attribute_index.kind = ? AND attribute_index."key" = ?
 LIMIT ? OFFSET ?) AS anon_1) AS weight_0, (SELECT count(*) AS count_2
FROM (SELECT attribute_index.trace_key AS trace_key
FROM attribute_index
WHERE attribute_index.kind = ? AND attribute_index."key" = ? AND attribute_index.value IN (__[POSTCOMPILE_value_1])
 LIMIT ? OFFSET ?) AS anon_2) AS weight_1, (SELECT count(*) AS count_3
FROM (SELECT attribute_index.trace_key AS trace_key
FROM attribute_index
WHERE attribute_index.kind = ? AND attribute_index."key" = ?
 LIMIT ? OFFSET ?) AS anon_3) AS weight_2, (SELECT count(*) AS count_4
FROM (SELECT attribute_index.trace_key AS trace_key
FROM attribute_index
WHERE attribute_index.kind = ? AND attribute_index."key" = ?
 LIMIT ? OFFSET ?) AS anon_4) AS weight_3, (SELECT max(traces.trace_key) AS max_1
FROM traces) AS total;
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE (SELECT anon_1.value
FROM json_each(traces.tags) AS anon_1
WHERE anon_1."key" = ?) != ? AND (EXISTS (SELECT *
FROM attribute_index AS attribute_index_1
WHERE attribute_index_1.kind = ? AND attribute_index_1."key" = ? AND attribute_index_1.value IN (__[POSTCOMPILE_value_1]) AND attribute_index_1.timestamp_ms = traces.timestamp_ms AND attribute_index_1.trace_key = traces.trace_key)) AND (SELECT anon_2.value
FROM json_each(traces.metadata) AS anon_2
WHERE anon_2."key" = ?) != ? AND (SELECT anon_3.value
FROM json_each(traces.tags) AS anon_3
WHERE anon_3."key" = ?) IS NULL AND (SELECT anon_4.value
FROM json_each(traces.tags) AS anon_4
WHERE anon_4."key" = ?) IS NOT NULL AND coalesce((SELECT anon_5.value
FROM json_each(traces.tags) AS anon_5
WHERE anon_5."key" = ?), traces.name) = ? ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- walked by a pattern
SELECT (SELECT count(*) AS count_1
FROM (SELECT attribute_index.trace_key AS trace_key
FROM attribute_index
WHERE attribute_index.kind = ? AND attribute_index."key" = ? AND (attribute_index.value GLOB ?)
 LIMIT ? OFFSET ?) AS anon_1) AS weight_0, (SELECT max(traces.trace_key) AS max_1
FROM traces) AS total;
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM attribute_index JOIN traces ON traces.trace_key = attribute_index.trace_key
WHERE attribute_index.kind = ? AND attribute_index."key" = ? AND (attribute_index.value GLOB ?) AND (coalesce(attribute_index.whole_value, attribute_index.value) GLOB ?) ORDER BY attribute_index.timestamp_ms DESC, traces.trace_id ASC;

-- patterns
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE (traces.name GLOB ?) AND traces.name LIKE ? AND traces.status = ? ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- an expression
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE spanframe_rlike(traces.name, ?) = ? ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- columns
SELECT (SELECT count(*) AS count_1
FROM (SELECT traces.trace_key AS trace_key
FROM traces
WHERE traces.execution_time_ms IS NOT NULL
 LIMIT ? OFFSET ?) AS anon_1) AS weight_0, (SELECT count(*) AS count_2
FROM (SELECT traces.trace_key AS trace_key
FROM traces
WHERE traces.status = ? AND traces.timestamp_ms >= ?
 LIMIT ? OFFSET ?) AS anon_2) AS weight_1, (SELECT max(traces.trace_key) AS max_1
FROM traces) AS total;
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE traces.status = ? AND traces.name IS NOT NULL AND traces.client_request_id != ? AND traces.timestamp_ms >= ? AND (+ traces.execution_time_ms) IS NOT NULL AND traces.timestamp_ms + coalesce(+ traces.execution_time_ms, ?) != ? ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- ids
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE traces.trace_id IN (__[POSTCOMPILE_trace_id_1]) ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- text of ids
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE ? || lower(hex(traces.trace_id)) GLOB ? ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- computed entries
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE (? || ? || lower(hex(traces.trace_id))) != ? AND CAST(traces.size_bytes AS TEXT) = ? AND traces.name = ? AND ? = ? ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- one span
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE traces.status = ? AND (EXISTS (SELECT span_kinds.kind_key
FROM span_kinds
WHERE span_kinds.name = ? AND span_kinds.type != ?)) AND (EXISTS (SELECT *
FROM spans
WHERE spans.trace_key = traces.trace_key AND spans.kind_key IN (SELECT span_kinds.kind_key
FROM span_kinds
WHERE span_kinds.name = ? AND span_kinds.type != ?))) ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- the body of a span
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE (EXISTS (SELECT span_kinds.kind_key
FROM span_kinds
WHERE span_kinds.name = ?)) AND (EXISTS (SELECT *
FROM spans, span_blocks
WHERE spans.trace_key = traces.trace_key AND spans.kind_key IN (SELECT span_kinds.kind_key
FROM span_kinds
WHERE span_kinds.name = ?) AND spans.block_key = span_blocks.block_key AND (spanframe_attribute_text(span_blocks.body, span_blocks.dictionary_key, spans.position, ?) IN (__[POSTCOMPILE_spanframe_attribute_text_2]) OR spanframe_attribute_number(span_blocks.body, span_blocks.dictionary_key, spans.position, ?) IN (__[POSTCOMPILE_spanframe_attribute_number_2])) AND spanframe_attribute_number(span_blocks.body, span_blocks.dictionary_key, spans.position, ?) > ? AND spanframe_attribute_text(span_blocks.body, span_blocks.dictionary_key, spans.position, ?) IS NOT NULL AND (spanframe_attribute_number(span_blocks.body, span_blocks.dictionary_key, spans.position, ?) IS NULL OR (spanframe_attribute_number(span_blocks.body, span_blocks.dictionary_key, spans.position, ?) NOT IN (__[POSTCOMPILE_spanframe_attribute_number_6]))) AND (spanframe_content(span_blocks.body, span_blocks.dictionary_key, spans.position) GLOB ?))) ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- in experiments
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM attribute_index JOIN traces ON traces.trace_key = attribute_index.trace_key
WHERE attribute_index.kind = ? AND attribute_index."key" = ? AND attribute_index.value = ? AND (+ traces.experiment_id) IN (__[POSTCOMPILE_param_1]) ORDER BY attribute_index.timestamp_ms DESC, traces.trace_id ASC;

-- in no experiment
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE 0 = 1 ORDER BY traces.timestamp_ms DESC, traces.trace_id ASC;

-- a later page
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM attribute_index JOIN traces ON traces.trace_key = attribute_index.trace_key
WHERE attribute_index.kind = ? AND attribute_index."key" = ? AND attribute_index.value = ? AND attribute_index.timestamp_ms <= ? AND (attribute_index.timestamp_ms < ? OR attribute_index.timestamp_ms = ? AND traces.trace_id > ?) ORDER BY attribute_index.timestamp_ms DESC, traces.trace_id ASC;

-- a page in another order
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes
FROM traces
WHERE traces.execution_time_ms IS NULL AND (+ traces.timestamp_ms) < ? OR traces.execution_time_ms IS NULL AND (+ traces.timestamp_ms) = ? AND traces.trace_id > ? ORDER BY traces.execution_time_ms DESC NULLS LAST, (+ traces.timestamp_ms) DESC, traces.trace_id ASC
 LIMIT ? OFFSET ?;

-- in the order of an entry
SELECT traces.trace_key, traces.trace_id, traces.experiment_id, traces.timestamp_ms, traces.execution_time_ms, traces.status, traces.name, traces.client_request_id, traces.request_preview, traces.response_preview, traces.trace_inputs, traces.trace_outputs, traces.tags, traces.metadata, traces.span_count, traces.size_bytes, (SELECT anon_1.value
FROM json_each(traces.tags) AS anon_1
WHERE anon_1."key" = ?) AS order_0
FROM traces ORDER BY (SELECT anon_1.value
FROM json_each(traces.tags) AS anon_1
WHERE anon_1."key" = ?) ASC NULLS LAST, traces.timestamp_ms DESC, traces.trace_id ASC
 LIMIT ? OFFSET ?;
