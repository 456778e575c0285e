#!/usr/bin/env python3
"""Makes tests/data/chat/golden.json: what transformers makes of conversations by chat templates.

    python3 -m venv ENV; ENV/bin/pip install transformers==5.24.0 jinja2; ENV/bin/python make_chat.py

Not run by the tests: chat_test.py reads what it wrote. The templates are those that ship
(models/chat) and ours for what Jinja and transformers offer besides.
"""
import json
import pathlib

import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/data/chat/golden.json"
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
CONVERSATIONS = [
    [{"role": "user", "content": "Hi"}],
    [{"role": "user", "content": "  two\n lines, <b> & \"quotes\" é  "}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "One?"},
     {"role": "assistant", "content": "Two."}, {"role": "user", "content": "Three?"}],
]
OURS = {
    "blocks": "{% for m in messages %}\n  {% if m.role == 'user' %}\nQ: {{ m.content }}\n  {% endif %}\n{% endfor %}\nA:",
    "loop": "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ loop.index0 }}{{ m.role }};"
            "{% if loop.index > 2 %}{% break %}{% endif %}{% endfor %}",
    "json": "{{ messages | tojson }}{{ messages[-1] | tojson(indent=2) }}",
    "generation": "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ eos_token }}"
                  "{% endgeneration %}{% else %}[{{ m.content | trim }}]{% endif %}{% endfor %}",
    "namespace": "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + m.content | length %}"
                 "{% endfor %}{{ bos_token }}{{ ns.n }}{{ tools is none }}{{ documents is defined }}{{ add_generation_prompt }}",
    "undefined": "{{ nothing }}{{ pad_token }}{% if nothing is defined %}x{% endif %}{{ messages[0].nothing }}!",
    "strings": "{{ messages[-1].content.strip().upper()[:3] }}{{ messages[-1]['content'].split() | join('-') }}{{ '%s' | format(7) }}",
}


def main():
    templates = {path.stem: path.read_text() for path in sorted((ROOT / "models/chat").glob("*.jinja"))}
    templates.update(OURS)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(ROOT / "tests/data/runtime/tokenizers/legacy_llama.json"), **TOKENS)
    golden = {"transformers": transformers.__version__, "tokens": TOKENS, "conversations": CONVERSATIONS, "templates": []}
    for name, template in templates.items():
        prompts = [tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False,
                                                 add_generation_prompt=True) for messages in CONVERSATIONS]
        shipped = name not in OURS
        golden["templates"].append({"name": name, "template": None if shipped else template, "prompts": prompts})
    OUT.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
