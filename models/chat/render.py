#!/usr/bin/env python3
"""Renders a chat template: render.py REQUEST.json PROMPTS.json

REQUEST has "template", "conversations" (lists of messages) and "tokens" (special tokens' names by
their roles, as "bos_token"). PROMPTS gets a list, each conversation up to where the model's answer
begins. Templates see what transformers gives them, in a sandbox, for five seconds and within 2 GB.
"""
import datetime
import json
import pathlib
import resource
import signal
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox

SECONDS = 5
BYTES = 2 << 30


class Generation(jinja2.ext.Extension):
    """{% generation %}...{% endgeneration %}, which marks what a model has said: shown as it is."""

    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def refuse(message):
    raise jinja2.TemplateError(message)


def environment():
    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols, Generation])
    made.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    made.globals["raise_exception"] = refuse
    made.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    return made


def too_long(signum, frame):
    raise TimeoutError(f"the template has not ended after {SECONDS} s")


def main():
    request = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    try:
        template = environment().from_string(request["template"])
        prompts = [template.render(messages=messages, tools=None, documents=None,
                                   add_generation_prompt=True, **request["tokens"])
                   for messages in request["conversations"]]
    except MemoryError:
        sys.exit("the template takes more than 2 GB")
    except jinja2.TemplateSyntaxError as error:
        sys.exit(f"line {error.lineno}: {error.message}")
    except Exception as error:  # whatever a template makes of its input
        sys.exit(" ".join(str(error).split()) or type(error).__name__)
    pathlib.Path(sys.argv[2]).write_text(json.dumps(prompts), encoding="utf-8")


if __name__ == "__main__":
    main()
