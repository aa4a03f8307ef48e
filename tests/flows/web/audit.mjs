// SPDX-License-Identifier: Apache-2.0
// What the page's audit makes of filters and entries, and what its other views compute: JSON in, JSON out.
globalThis.document = { addEventListener() {}, querySelectorAll: () => [] };
const PAGE = "../../../plugin/web/page";
const { csvRow } = await import(`${PAGE}/csv.js`);
const { argumentsOf, faultsOf, presetOf, readQuery, routeOf, takes } = await import(`${PAGE}/audit_query.js`);
const { exportCsv } = await import(`${PAGE}/audit_export.js`);
const { denialOf, digestsOf, looksSigned, takeValue } = await import(`${PAGE}/whose_lookup.js`);
const { Series } = await import(`${PAGE}/health_series.js`);

async function exported(entries) {
    const client = { async request(_verb, _args, { onRow }) { entries.forEach(entry => onRow(entry)); } };
    return (await exportCsv(client, readQuery({}), { onProgress() {} })).blob.text();
}

function queryOf(route) {
    const query = readQuery(Object.fromEntries(new URLSearchParams(route)));
    return { query, route: routeOf(query), preset: presetOf(query), arguments: argumentsOf(query), faults: faultsOf(query, "jtn") };
}

function seriesOf(answers) {
    const series = new Series();
    answers.forEach(answer => series.add(answer));
    return { rate: series.rate("verified"), refused: series.rate("refused"), p50: series.latency(0.5), p99: series.latency(0.99) };
}

const does = {
    cells: rows => rows.map(csvRow).join(""),
    export: exported,
    query: queryOf,
    taken: ({ route, entries }) => entries.filter(entry => takes(queryOf(route).query, entry)).map(entry => entry.serial),
    pasted: text => takeValue(text, "jtn"),
    digests: digestsOf,
    signed: looksSigned,
    denial: denialOf,
    series: seriesOf,
};

let text = "";
for await (const part of process.stdin.setEncoding("utf-8"))
    text += part;
const [name, ...given] = JSON.parse(text);
const made = [];
for (const each of given)
    made.push(await does[name](each));
process.stdout.write(JSON.stringify(made), () => process.exit());
