import { html, type Html } from './markup.ts';
import type { Provider } from './provider.ts';

/** The form that explains, for `browser/tool.ts`. It works without a network, and sends nothing. */
export const toolMain = (providers: readonly Provider[]): Html => html`<form id="tool" class="tool" autocomplete="off">
<div class="field wide"><label for="given">Code, or the provider’s whole answer</label>
<textarea id="given" rows="3" spellcheck="false" autocapitalize="off" placeholder="1298, or {&quot;respcd&quot;:&quot;1298&quot;, …}" aria-describedby="given-hint"></textarea>
<p class="hint" id="given-hint">JSON, a form (<code>a=1&amp;b=2</code>), a log line or <code>curl -i</code> output. It stays in this page.</p></div>
<div class="fields">
<div class="field"><label for="provider">Provider</label><select id="provider"><option value="">any</option>${providers.map(({ name, title }) => html`<option value="${name}">${title}</option>`)}</select></div>
<div class="field"><label for="operation">Operation</label><select id="operation"><option value="">any</option></select></div>
<div class="field"><label for="attempt">Which send</label><select id="attempt"><option value="">not known</option><option value="1">the first</option><option value="2">the 2nd</option><option value="3">the 3rd</option><option value="4">a later one</option></select></div>
<div class="field"><label for="status">HTTP status</label><input id="status" inputmode="numeric" size="4" value="200" aria-describedby="status-note"></div>
</div>
<details><summary>The fields that were sent</summary><div class="field wide"><label for="sent">As JSON or as a form. Some codes mean something else with them (QFPay: <code>auth_code</code>).</label><textarea id="sent" rows="2" spellcheck="false"></textarea></div></details>
<p class="note" id="status-note" role="status"></p>
</form>
<noscript><p class="note">To paste an answer you need JavaScript. The lists below, and a page for each code, work without.</p></noscript>
<p class="unseen" id="said" role="status"></p>
<div id="result"></div>`;
