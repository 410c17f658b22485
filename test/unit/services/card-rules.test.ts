import { describe, expect, test } from 'vitest';
import { cardCheckText, validateCard } from '../../../server/services/card-rules.ts';

const check = (yaml: string, type = 'model') => validateCard(`---\n${yaml}\n---\n# Card\n`, type);

describe('the metadata of a card', () => {
  test.each([
    ['license: asdf', /^"license" must be one of \[apache-2\.0, mit, /],
    ['license: [mit, nope]', /^"license" must be one of/],
    ['license: 7', /^"license" must be a string/],
    ['language: EN', /^"language" must only contain lowercase characters$/],
    [
      'language: [en, english]',
      /^"language\[1\]" with value "english" is not valid\. It must be an ISO 639-1/,
    ],
    ['language: {a: 1}', /^"language" must be/],
    ['model-index: foo', /^"model-index" must be an array$/],
    ['model-index: [foo]', /^"model-index\[0\]" must be an object$/],
    ['model-index: [{name: a}]', /^"model-index\[0\]\.results" must be an array$/],
    ['model-index: [{name: a, results: [{metrics: []}]}]', /results\[0\]\.task\.type" is required$/],
    [
      'model-index: [{name: a, results: [{task: {type: t}, dataset: {type: d}, metrics: []}]}]',
      /results\[0\]\.dataset\.name" is required$/,
    ],
    [
      'model-index: [{name: a, results: [{task: {type: t}, metrics: [{type: acc}]}]}]',
      /metrics\[0\]\.value" is required$/,
    ],
    ['base_model: a b', /^"base_model" with value "a b" is not valid/],
    ['base_model: [a/b, a/b/c]', /^"base_model\[1\]"/],
    ['datasets: [glue, "x y"]', /^"datasets\[1\]"/],
    ['tags: {a: 1}', /^"tags" must be an array/],
    ['pipeline_tag: [a]', /^"pipeline_tag" must be a string/],
    ['task_categories: {a: 1}', /^"task_categories" must be/],
    ['a: [', /^bad YAML/],
    ['- a', /must be a mapping/],
  ])('with %j is refused', (yaml, message) => {
    const { errors } = check(yaml);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(message);
  });

  test('of a space is held to what spaces know', () => {
    expect(check('sdk: rails\ncolorFrom: beige', 'space').errors).toHaveLength(2);
    expect(check('sdk: gradio\ncolorFrom: red', 'space').errors).toEqual([]);
    expect(check('sdk: rails').errors).toEqual([]);
    expect(check('sdk: {toString: x}', 'space').errors).toHaveLength(1);
  });

  test('that is as clients write it has nothing to complain about', () => {
    const yaml = `license: [mit, apache-2.0]
language: [en, deu, code, multilingual]
tags: [a]
datasets: [glue, a/b-c.d]
base_model: a/b
pipeline_tag: text-generation
task_categories: [text-classification]
model-index:
- name: m
  results:
  - task: {type: text-generation, name: Generation}
    dataset: {type: glue, name: GLUE}
    metrics: [{type: acc, value: 0.9, verified: false}]`;
    expect(check(yaml)).toMatchObject({ errors: [], warnings: [] });
  });

  test('warns of what it does not know, and of what is not there', () => {
    expect(check('pipeline_tag: mind-reading').warnings[0]).toContain(
      '"mind-reading" is not in the official list',
    );
    expect(validateCard('# Card', 'model').warnings).toEqual(['empty or missing yaml metadata in repo card']);
  });

  test('is told as text the way clients print it', () => {
    expect(cardCheckText({ errors: ['a', 'b'], warnings: ['c'] })).toBe(
      '- Error: a\n- Error: b\n- Warning: c',
    );
  });
});
