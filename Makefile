# Every verb makes or refreshes its own environment (.venv) first; tools/env.py does the work.
# 每个命令都会先自己准备好环境（.venv）；具体的事由 tools/env.py 来做。

PORT ?= 8000
ARGS ?=

# The first Python 3 that really runs; tools/env.py looks for a newer one if it is too old.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; \
	do $$p -c "" 2>/dev/null && { echo $$p; break; }; done)
NONE = $(error Python 3.11 or newer is needed; found none.  Install one: apt install python3 python3-venv)
ENV = @$(or $(PYTHON),$(NONE)) tools/env.py

.PHONY: help site test check update accept notebooks lint bench swarm replay fuzz play clean
.DEFAULT_GOAL := help

help:  ## these verbs · 列出这些命令
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' Makefile
	@echo 'PORT=8000 is the port of the site; ARGS="…" go to the last step, as in make test ARGS="-k loop"'

site:  ## build the site and serve it on this machine · 构建网站并在本机打开
	$(ENV) --port $(PORT) site $(ARGS)

test:  ## run every test · 运行全部测试
	$(ENV) test $(ARGS)

check:  ## play every page and compare with what it recorded · 重跑每一页并与记录比较
	$(ENV) check $(ARGS)

update:  ## record the pages' outputs anew · 重新记录页面的输出
	$(ENV) update $(ARGS)

accept:  ## both languages of a changed paragraph were looked at · 确认改动过的中英段落
	$(ENV) accept $(ARGS)

notebooks:  ## make the notebooks from the pages · 由页面生成 notebook
	$(ENV) notebooks $(ARGS)

lint:  ## format, lint, types · 格式、规范、类型
	$(ENV) lint $(ARGS)

bench:  ## measure, as ratios · 测量速度（比值）
	$(ENV) bench $(ARGS)

swarm:  ## many seeds with faults · 用许多种子注入故障
	$(ENV) swarm $(ARGS)

replay:  ## create a Pod a thousand times, byte for byte the same · 重放一千次，逐字节相同
	$(ENV) replay $(ARGS)

fuzz:  ## malformed requests · 发送残缺的请求
	$(ENV) fuzz $(ARGS)

play:  ## apply a manifest and tell what happens · 应用一份清单，讲出发生了什么
	$(ENV) play $(ARGS)

clean:  ## remove all that the verbs made, the environment too · 删除生成的一切，包括环境
	rm -rf .venv site build dist .cache *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name node_modules -prune -exec rm -rf {} +
	find . -name __pycache__ -prune -exec rm -rf {} +
